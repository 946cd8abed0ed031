r"""NUS-WIDE: 269,648 pictures of Flickr, each marked with those of 81 concepts that it shows.

Layout: several pieces of training code that read the raw files (the search that found them names no
repositories) agree that `ImageList/Imagelist.txt` has the path of a picture on each line, with a
backslash after its folder (`actor\0001_2124494179.jpg`), that `TrainImagelist.txt` and
`TestImagelist.txt` divide these paths, and that each concept has a file
`Groundtruth/AllLabels/Labels_<concept>.txt` with a 0 or a 1 for each line of that list. One of them
counts 33,887 pictures of the concept "animal". The pictures come apart from the labels, in a folder
`Flickr` or in whatever folder they were fetched to, of which `images` and the top are read too.

Animals are in an eighth of the pictures, so of the other pictures as many are asked as there are
animals, drawn by the hash of their paths. A picture that is marked as a dog, a bird or another kind
of animal, and not as an animal, is not asked, being neither. Known defects: one Flickr picture may
be listed in several folders, under several paths; and many pictures are no longer to be had, which
the build counts as missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import hash_fraction, pick, stable_hash
from visionflan.layouts import inside, is_folder, load_text, require, text_lines
from visionflan.layouts.official_splits import read_split_lists
from visionflan.specimens import write_image, write_lines

KINDS = (
    *("bear", "birds", "cat", "cow", "dog", "elk", "fish", "fox", "horses", "tiger", "whales"),
    "zebra",
)


class Row(NamedTuple):
    key: str
    image: Path
    animal: bool
    kinds: tuple[str, ...]
    is_used: bool
    split: str = ""


dataset = Dataset[Row](
    title="NUS-WIDE",
    homepage="https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html",
    license="unknown",
    terms="The images belong to the members of Flickr who took them.",
    citation="Chua, Tang, Hong, Li, Luo and Zheng (2009), NUS-WIDE: A Real-World Web Image "
    "Database from National University of Singapore, CIVR",
    obtain="""
        Download the image list and the ground truth from the homepage and unpack them here; ask the
        owners for the images, or download them with the list of addresses, into the directory
        Flickr.
    """,
    tree="""
        ImageList/Imagelist.txt
        ImageList/TrainImagelist.txt
        ImageList/TestImagelist.txt
        Groundtruth/AllLabels/Labels_animal.txt
        Groundtruth/AllLabels/Labels_<concept>.txt
        Flickr/actor/0001_2124494179.jpg
    """,
    split_field="split",
    no_group="copies of an image are held out together by their pixels",
)


@dataset.reader
def read(root: Path) -> Iterator[Row]:
    lists = root / "ImageList"
    paths = text_lines(require(lists / "Imagelist.txt", lists / "ImageList.txt"))
    splits = read_split_lists(lists, "{}Imagelist.txt", ("Train", "Test"))
    labels = require(root / "Groundtruth" / "AllLabels", root / "AllLabels")
    animals = marks(labels / "Labels_animal.txt", len(paths))
    files = {kind: labels / f"Labels_{kind}.txt" for kind in KINDS}
    kinds = {kind: marks(path, len(paths)) for kind, path in files.items() if path.exists()}
    share = sum(animals) / max(1, len(paths) - sum(animals))
    home = next(filter(is_folder, (root / "Flickr", root / "images")), root)
    for place, path in enumerate(paths):
        key = path.replace("\\", "/")
        things = tuple(kind for kind, marked in kinds.items() if marked[place])
        is_used = animals[place] or hash_fraction("nus_wide", "asked", key) < share
        split = splits.get(path, "")
        yield Row(key, inside(home, key), animals[place], things, is_used, split)


def marks(path: Path, count: int) -> list[bool]:
    """Read whether a concept was marked in each picture of the list."""
    flags = load_text(path).split()
    if len(flags) != count or set(flags) - {"0", "1"}:
        raise ReleaseError(f"{path} must have a 0 or a 1 for each image that is listed: {count}")
    return [mark == "1" for mark in flags]


@dataset.task(
    """
    Search the whole picture, including the background and small details, for living creatures other
    than people: mammals, birds, fish, insects and so on. Is at least one animal in it?
    """,
    official_name="NUS-WIDE+Animal_classification",
    title="NUS-WIDE animal presence classification",
    category="Animal Classification",
)
def animal_classification(row: Row) -> Example | None:
    if not row.is_used:
        return None
    if row.kinds and not row.animal:
        raise UnusableError("contradictory_labels", f"marked as {row.kinds[0]}, not as an animal")
    return Example(image=row.image, target="yes" if row.animal else "no", options=("yes", "no"))


ANIMALS = {"dog": "dog", "cat": "cat", "bird": "birds", "fish": "fish", "cow": "cow"}
OTHERS = ("house", "car", "airplane", "boat", "tree", "clock", "train", "person")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    paths, things = [], []
    for index in range(count):
        pool = (ANIMALS, OTHERS)[(index + stable_hash("nus_wide", index // 2)) % 2]
        thing = pick(tuple(pool), 1, "nus_wide", index)[0]
        color = pick(("red", "brown", "orange", "blue", "gray"), 1, "nus_wide", index, "colour")[0]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "nus_wide", index, by=0.2)
        folder, name = ("actor", "zoo")[index % 2], f"{index + 1:04d}_{2124494179 + index}.jpg"
        image = styled_icon(thing, "photo", box, color, "nus_wide", index)
        write_image(root / "Flickr" / folder / name, image)
        paths.append(f"{folder}\\{name}")
        things.append(thing)
    for part, listed in {"": paths, "Train": paths[::2], "Test": paths[1::2]}.items():
        write_lines(root / "ImageList" / f"{part}Imagelist.txt", listed)
    labels = root / "Groundtruth" / "AllLabels"
    write_lines(labels / "Labels_animal.txt", (str(int(thing in ANIMALS)) for thing in things))
    for thing, kind in ANIMALS.items():
        write_lines(labels / f"Labels_{kind}.txt", (str(int(thing == each)) for each in things))
