"""Stanford Dogs: 20,580 photographs of dogs of 120 breeds, taken from ImageNet.

Layout: `Images/<WordNet id>-<breed>/<WordNet id>_<number>.jpg`, as the paths in the release's own
lists are which tensorflow/datasets reads
(tensorflow_datasets/datasets/stanford_dogs/stanford_dogs_dataset_builder.py); the copy on Kaggle
has the folder `Images` in a folder `images`, and both are read. Boxes are not needed, and lists
only for the official split: `train_list.mat` and `test_list.mat` have the paths below `Images` in
`file_list`, as the release's readme says (acetanil/ECE285_Final, Stanford_Dog_Breed/README). They
are read where they are there.

The breed's name follows from the WordNet id, since the folders' names are partly out of date or in
ImageNet's manner ("n02088632-bluetick", "n02086646-Blenheim_spaniel"). Three of the 120 are wild
dogs: dingo, dhole and African wild dog. Known defect: waikato-ufdl/ufdl-datasets
(pages/stanford-dogs.rst) found pictures with faulty bytes; the build opens each, and counts those.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, RGB, SIZE, jitter_box
from visionflan.drawing.icons.animals import dog
from visionflan.drawing.styles import photo
from visionflan.layouts import class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.matlab import cell_text, load_matlab, write_matlab
from visionflan.layouts.wordnet import names
from visionflan.specimens import write_image
from visionflan.specimens.imagenet import class_at

SPLITS = ("train", "test")


class Row(NamedTuple):
    key: str
    image: Path
    label: str
    split: str = ""


dataset = Dataset[Row](
    title="Stanford Dogs",
    homepage="http://vision.stanford.edu/aditya86/ImageNetDogs/",
    license="unknown",
    terms="The owners state none; the images are ImageNet's, for non-commercial research.",
    citation="Khosla, Jayadevaprakash, Yao, Fei-Fei (2011), Novel Dataset for Fine-Grained Image "
    "Categorization, CVPR Workshop",
    obtain="""
        Download images.tar from the homepage and unpack it here. For the official split, unpack
        lists.tar here as well; reading it needs the extra `readers`.
    """,
    tree="""
        Images/
            n02085620-Chihuahua/n02085620_10074.jpg
            n02085782-Japanese_spaniel/...
            ...
        train_list.mat
        test_list.mat
    """,
    split_field="split",
    no_group="the release does not tell which images show one dog",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    splits = read_lists(root)
    for key, image, folder in class_folders(require(root / "Images", root / "images" / "Images")):
        identifier = folder.partition("-")[0]
        if breed := names().get(identifier):
            yield Row(key, image, breed, splits.get(key, ""))
        else:
            yield BrokenRow(
                key, "unknown_label", f"{folder!r} begins with no id of ImageNet's classes"
            )


def read_lists(root: Path) -> dict[str, str]:
    """Read the split of each image from the lists that are there."""
    splits = {}
    for split, home in product(SPLITS, (root, root / "lists")):
        path = home / f"{split}_list.mat"
        if path.is_file():
            for cell in load_matlab(path, "file_list")["file_list"].ravel():
                splits[cell_text(cell)] = split
    return splits


# Breeds that the color of the coat tells apart here.
COATS: dict[str, tuple[str, RGB]] = {
    "n02092339": ("Weimaraner", (135, 128, 125)),
    "n02099601": ("golden_retriever", (225, 170, 80)),
    "n02100877": ("Irish_setter", (150, 55, 25)),
    "n02111277": ("Newfoundland", (35, 32, 32)),
    "n02111889": ("Samoyed", (250, 248, 240)),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    import numpy as np

    names_by_split: dict[str, list[str]] = {split: [] for split in SPLITS}
    for index in range(count):
        identifier = class_at(index, list(COATS), "stanford_dogs")
        breed, coat = COATS[identifier]
        subject = Image.new("RGBA", (SIZE, SIZE))
        box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "stanford_dogs", index, by=0.2)
        dog(ImageDraw.Draw(subject), box, coat)
        image = photo(subject, "stanford_dogs", index)
        name = f"{identifier}-{breed}/{identifier}_{index}.jpg"
        write_image(root / "Images" / name, image)
        names_by_split[SPLITS[index % 5 == 4]].append(name)
    for split, listed in names_by_split.items():
        cells = np.array(listed, dtype=object).reshape(-1, 1)
        write_matlab(root / f"{split}_list.mat", {"file_list": cells})


@dataset.task(
    """
    Which breed of dog is this? Judge by build, coat, ears and muzzle, and give the full name of the
    breed, including its size or variety if there are several, such as "golden retriever". For a
    wild dog, give the species.
    """,
    title="STANFORD DOGS dog species classification",
    official_name="STANFORD_DOGS+dog_classification",
    category="Animal Classification",
)
def dog_classification(row: Row) -> Example:
    breed = row.image.parent.name.partition("-")[2]
    return Example(image=row.image, target=row.label, references=accepted_names(row.label, breed))
