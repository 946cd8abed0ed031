"""CUB-200-2011: 11,788 photographs of birds of 200 species, most of them North American.

Layout: the README of the release, which tensorflow/datasets keeps among its test data
(testing/test_data/fake_examples/caltech_birds2011/extracted/.../CUB_200_2011/README), has a folder
of pictures for each class and lists of `<identifier> <what it tells>`. The folder `CUB_200_2011`
of the archive may be there or not. Both splits have labels and are read.

The names of the classes have lost their marks (`Brewer_Blackbird`, `Black_footed_Albatross`), which
come back here, each such name being counted as fixed: a word that begins small belongs to the one
before it, by a hyphen; birds named after a person get their possessive; and a few names are fixed
one by one, among them "Artic Tern" and the two classes that have the name of a genus, Sayornis, the
phoebes, and Geococcyx, the roadrunners. The release's own name is accepted, too, and so is the full
name of a species whose class has a shorter one, such as "Cardinal".
"""

import re
from collections.abc import Iterator
from pathlib import Path

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import stable_hash
from visionflan.layouts import require
from visionflan.layouts.birds import BirdImage, read_birds
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.birds import draw_bird

PEOPLE = (
    *("Anna", "Baird", "Bewick", "Brandt", "Brewer", "Clark", "Harris", "Heermann", "Henslow"),
    *("Le Conte", "Lincoln", "Nelson", "Scott", "Swainson", "Wilson"),
)
ODD = {
    "Artic Tern": "Arctic Tern",
    "Chuck will Widow": "Chuck-will's-widow",
    "Forsters Tern": "Forster's Tern",
    "Geococcyx": "Roadrunner",
    "Sayornis": "Phoebe",
    "Whip poor Will": "Whip-poor-will",
}
# The full names of species whose classes have shorter ones.
FULL = {
    "Cardinal": "Northern Cardinal",
    "Mockingbird": "Northern Mockingbird",
    "Nighthawk": "Common Nighthawk",
    "Roadrunner": "Greater Roadrunner",
    "Tree Sparrow": "American Tree Sparrow",
    "Whip-poor-will": "Eastern Whip-poor-will",
    "White Pelican": "American White Pelican",
}

dataset = Dataset[BirdImage](
    title="CUB-200-2011",
    homepage="https://www.vision.caltech.edu/datasets/cub_200_2011/",
    license="non-commercial",
    terms="The owners do not own the copyrights of the images, whose use is restricted to "
    "non-commercial research and education.",
    citation="Wah, Branson, Welinder, Perona and Belongie (2011), The Caltech-UCSD "
    "Birds-200-2011 Dataset, California Institute of Technology, CNS-TR-2011-001",
    obtain="Download CUB_200_2011.tgz through the link on the homepage and unpack it here.",
    tree="""
        CUB_200_2011/
            images/001.Black_footed_Albatross/Black_Footed_Albatross_0001_796111.jpg
            images.txt
            classes.txt
            image_class_labels.txt
            train_test_split.txt
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[BirdImage | BrokenRow]:
    inner = root / "CUB_200_2011"
    yield from read_birds(require(inner / "images.txt", root / "images.txt").parent)


def plain(name: str) -> str:
    """Remove the number and the underscores from the name of a class, and nothing else."""
    return name.partition(".")[2].replace("_", " ")


def spoken(name: str) -> str:
    """Return the name of a class as it is printed in a book on birds."""
    words = plain(name)
    if words in ODD:
        return ODD[words]
    for person in PEOPLE:
        words = re.sub(rf"^{person} ", f"{person}'s ", words)
    return re.sub(r" (?=[a-z])", "-", words)


@dataset.task(
    """
    A single wild bird is the subject of this photograph. Identify it by its colors and markings,
    its size and the shape of its bill, and reply with the common English name of the species alone,
    such as "American Crow".
    """,
    official_name="CUB-200-2011+Bird_Classification",
    title="CUB-200-2011 bird species recognition",
    category="Animal Classification",
)
def bird_classification(row: BirdImage) -> Example:
    target = spoken(row.name)
    return Example(
        image=row.image,
        target=target,
        references=accepted_names(target, plain(row.name), FULL.get(target, target)),
        repaired=("mended_name",) if target != plain(row.name) else (),
    )


# Class: how the bird is drawn.
DRAWN = {
    "010.Red_winged_Blackbird": "Red-winged Blackbird",
    "017.Cardinal": "Northern Cardinal",
    "029.American_Crow": "American Crow",
    "047.American_Goldfinch": "American Goldfinch",
    "073.Blue_Jay": "Blue Jay",
    "095.Baltimore_Oriole": "Baltimore Oriole",
    "193.Bewick_Wren": "Bewick's Wren",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    folder = root / "CUB_200_2011"
    paths, labels = [], []
    for index in range(count):
        label = index % len(DRAWN)
        name, species = list(DRAWN.items())[label]
        view = ("left", "right")[stable_hash("cub200", index, "view") % 2]
        path = f"{name}/{name.partition('.')[2]}_{index + 1:04d}_{796000 + index}.jpg"
        write_image(folder / "images" / path, draw_bird(species, view, "cub200", index))
        paths.append(f"{index + 1} {path}")
        labels.append(f"{index + 1} {label + 1}")
    write_lines(folder / "images.txt", paths)
    write_lines(folder / "image_class_labels.txt", labels)
    splits = (f"{index + 1} {int(index % 3 > 0)}" for index in range(count))
    write_lines(folder / "train_test_split.txt", splits)
    write_lines(
        folder / "classes.txt", (f"{place} {name}" for place, name in enumerate(DRAWN, start=1))
    )
