"""ImageNet-Sketch: about fifty black and white drawings of each of ImageNet's 1,000 classes.

Layout: `sketch/<WordNet id>/sketch_<number>.JPEG`: tensorflow/datasets reads the owner's archive so
(tensorflow_datasets/datasets/imagenet_sketch/imagenet_sketch_dataset_builder.py), and counts 50,889
pictures in one test split where the owner's page speaks of 50,000. Where too few drawings were
found, the owner added turned and mirrored copies of others, so that near-identical pictures are
many.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.layouts.wordnet import WordNetImage, wordnet_folders
from visionflan.specimens import write_image
from visionflan.specimens.imagenet import THINGS, class_at, draw_class

# Only their colors tell these from other fish, butterflies and buses.
COLORED = {"n01443537", "n02279972", "n04146614"}

dataset = Dataset[WordNetImage](
    title="ImageNet-Sketch",
    homepage="https://github.com/HaohanWang/ImageNet-Sketch",
    license="MIT",
    terms="The drawings were gathered by web search, and their makers keep the rights.",
    citation="Wang, Ge, Lipton, Xing (2019), Learning Robust Global Representations by Penalizing "
    "Local Predictive Power, NeurIPS",
    obtain="Download the archive through the link on the homepage and unpack it here.",
    tree="""
        sketch/
            n01440764/sketch_0.JPEG
            ...
    """,
    split_field="split",
    no_group="the names do not tell which drawings are turned or mirrored copies",
)


@dataset.reader
def read(root: Path) -> Iterator[WordNetImage | BrokenRow]:
    return wordnet_folders(root / "sketch")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    things = sorted(THINGS.keys() - COLORED)
    for index in range(count):
        identifier = class_at(index, things, "imagenet_sketch")
        image = draw_class(identifier, "sketch", "imagenet_sketch", index).convert("L")
        write_image(root / "sketch" / identifier / f"sketch_{index}.JPEG", image)


@dataset.task(
    """
    Say what this black-and-white drawing shows, as exactly as the lines allow: the species or breed
    of an animal, the kind of plant, or the type of object. Answer in one to five words, for example
    "steam locomotive".
    """,
    title="ImageNet-Sketch object recognition in sketch",
    official_name="ImageNet-Sketch+image_classification",
    category="General Object in Special Image Domain",
)
def image_classification(row: WordNetImage) -> Example:
    return Example(image=row.image, target=row.label)
