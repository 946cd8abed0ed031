"""ObjectNet: 50,000 photos of household things, turned, from odd sides and in the wrong rooms.

Layout: `objectnet-1.0/images/<folder>/<picture>.png`, and the name of each of the 313 folders in
`mappings/folder_to_objectnet_label.json`; mlfoundations/wise-ft (src/datasets/objectnet.py) and
yurijmikhalevich/rclip's benchmark read both so. The release may also lie here without the folder
around all, or be called objectnet-1.0-beta.

The names are the release's own, as a person says them: without what stands in brackets ("Laptop
(open)"), and in small letters but for proper names.

The owners forbid any tuning on these pictures, so that they are built only with
`--include-evaluation-only`, and then held out as a whole; `terms` has the condition in full. Each
picture has a red border one pixel wide (abarbu/objectnet-template-pytorch cuts off two), under
which alone single pictures may be shown; it is left in place.

Known overlap: 113 classes are also classes of ImageNet, though the photos are new.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, SIZE
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import photo
from visionflan.hashing import hash_fraction, pick, stable_hash
from visionflan.layouts import class_folders, json_mapping, require
from visionflan.layouts.fields import parse_record, text
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image, write_json

MAPPING = Path("mappings", "folder_to_objectnet_label.json")
MENDED = {"Band Aid": "Band-Aid", "Coffee/French press": "French press"}


class Row(NamedTuple):
    key: str
    image: Path
    name: str

    @property
    def split(self) -> str:
        """Return the official split: the owners call all of the release a test set."""
        return "test"


dataset = Dataset[Row](
    title="ObjectNet",
    homepage="https://objectnet.dev/",
    license="evaluation-only",
    terms="""
        For evaluation only: free for research and commerce under a license derived from CC BY 4.0
        with two additional clauses: ObjectNet may never be used to tune the parameters of any
        model, and single images may be put on the web only with their red border of one pixel.
    """,
    citation="Barbu, Mayo, Alverio, Luo, Wang, Gutfreund, Tenenbaum and Katz (2019), ObjectNet: A "
    "Large-Scale Bias-Controlled Dataset for Pushing the Limits of Object Recognition Models, "
    "NeurIPS",
    obtain="""
        Download objectnet-1.0.zip from the homepage, and unpack it here with the password that the
        page gives to those who accept the terms.
    """,
    tree="""
        objectnet-1.0/
            images/air_freshener/0a1b2c3d4e5f607.png
            mappings/folder_to_objectnet_label.json
    """,
    split_field="split",
    no_group="the release does not tell which images show one object",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root / "objectnet-1.0", root / "objectnet-1.0-beta", root)
    mapping = require(*(home / MAPPING for home in homes))
    names = json_mapping(mapping)
    for key, image, folder in class_folders(mapping.parents[1] / "images"):
        location = f"the folder {folder!r} in {mapping}"
        yield parse_record(key, location, to_row, key, image, names, folder)


def to_row(key: str, image: Path, names: dict[str, Any], folder: str) -> Row | BrokenRow:
    if folder not in names:
        return BrokenRow(key, "unknown_label", f"there is no name for the folder {folder!r}")
    return Row(key, image, spoken(text(names, folder)))


def spoken(name: str) -> str:
    """Return the common name of a class."""
    if name in MENDED:
        return MENDED[name]
    bare = re.sub(r"\s*/\s*", " or ", re.sub(r"\s*\(.*?\)", "", name))
    words = (
        word.lower() if word[1:].islower() and "-" not in word else word for word in bare.split()
    )
    return " ".join(words)


@dataset.task(
    """
    This household object was deliberately photographed from an odd side or in an odd place. What is
    it called? Give its name in one to four words, for example "desk lamp" or "TV".
    """,
    title="ObjectNet object recognition",
    official_name="ObjectNet+Object_classfication",
    category="General Object",
)
def object_classfication(row: Row) -> Example:
    target = row.name
    return Example(
        image=row.image, target=target, references=accepted_names(target, row.image.parent.name)
    )


DRAWN = {
    "banana": ("Banana", "banana", ("yellow", "green")),
    "bicycle": ("Bicycle", "bicycle", ("red", "blue", "green")),
    "chair": ("Chair", "chair", ("red", "blue", "orange")),
    "desk_lamp": ("Desk lamp", "lamp", ("red", "green", "purple")),
    "laptop_open": ("Laptop (open)", "laptop", ("blue", "cyan", "green")),
    "mug": ("Mug", "cup", ("red", "blue", "orange")),
    "tv": ("TV", "television", ("blue", "cyan", "gray")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / "objectnet-1.0"
    write_json(home / MAPPING, {folder: name for folder, (name, _, _) in DRAWN.items()})
    for index in range(count):
        folder = list(DRAWN)[index % len(DRAWN)]
        _, thing, colors = DRAWN[folder]
        subject = Image.new("RGBA", (SIZE, SIZE))
        icon(
            subject,
            thing,
            FRAME.part(0.14, 0.14, 0.86, 0.86),
            pick(colors, 1, "objectnet", index)[0],
        )
        turn = 360 * hash_fraction("objectnet", index, "turn")
        image = photo(subject.rotate(turn, Image.Resampling.BICUBIC), "objectnet", index)
        name = f"{stable_hash('objectnet', index, 'name'):016x}"[:15]
        write_image(home / "images" / folder / f"{name}.png", ImageOps.expand(image, 1, "red"))
