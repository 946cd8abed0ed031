"""Read the taxonomy of iNaturalist 2021 from its annotation files, or from its directory names.

A directory is named `<number>_<kingdom>_<phylum>_<class>_<order>_<family>_<genus>_<epithet>`
(torchvision, datasets/inaturalist.py), so that images without annotations lack only the common name
of their species. Their super category follows from the ranks: the owners' groups are classes,
phyla or kingdoms, and "Animalia" holds the animals of no other group.
"""

from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import json_list
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.json_stream import json_field_values

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
FILES = ("val.json", "train_mini.json", "train.json")
# The super categories of 2017 that are also classes.
CLASSES = (*("Actinopterygii", "Amphibia", "Arachnida", "Aves", "Insecta", "Mammalia", "Reptilia"),)
# The super categories of 2021 and of 2017 by everyday names; the last two are of 2017 alone.
GROUPS = {
    "plants": ("Plants", "Plantae"),
    "insects": ("Insects", "Insecta"),
    "birds": ("Birds", "Aves"),
    "fungi": ("Fungi", "Fungi"),
    "reptiles": ("Reptiles", "Reptilia"),
    "mammals": ("Mammals", "Mammalia"),
    "ray-finned fishes": ("Ray-finned Fishes", "Actinopterygii"),
    "amphibians": ("Amphibians", "Amphibia"),
    "molluscs": ("Mollusks", "Mollusca"),
    "arachnids": ("Arachnids", "Arachnida"),
    "other animals": ("Animalia", "Animalia"),
    "chromists": ("", "Chromista"),
    "protozoans": ("", "Protozoa"),
}


class Category(NamedTuple):
    """A species with its super category and the ranks above it."""

    directory: str
    species: str
    common_name: str
    supercategory: str
    ranks: dict[str, str]


class Validation2017:
    """The validation images of 2017, whose archive does not divide them (2017/README.md)."""

    def __init__(self, path: Path) -> None:
        """Read the annotation file of the validation split, if it is there."""
        images = json_field_values(path, "images") if path.is_file() else ()
        files = (image.get("file_name") for image in images if isinstance(image, dict))
        self.names = {f"{name}".partition("/")[2] for name in files}

    def split_of(self, name: str) -> str:
        """Return the official split of an image, or an empty string if it is not known."""
        if not self.names:
            return ""
        return "validation" if name in self.names else "train"


def read_categories(home: Path) -> list[Category | BrokenRow]:
    """Return the categories of the first annotation file, which all have the same; none without."""
    path = next((home / name for name in FILES if (home / name).exists()), None)
    if path is None:
        return []
    records = enumerate(json_list(path, "categories", drop_images))
    categories = list(read_records(path, records, to_category))
    broken = [row for row in categories if isinstance(row, BrokenRow)]
    if broken and len(broken) == len(categories):
        raise ReleaseError(f"{broken[0].detail}; use the annotations of 2021")
    return categories


def drop_images(record: dict[str, Any]) -> dict[str, Any] | None:
    """Drop what is neither a category nor the whole, which is most of the file."""
    is_image = "file_name" in record or "image_id" in record
    return None if is_image else record


def to_category(record: Any) -> Category:
    """Parse one category of an annotation file."""
    return Category(
        directory=text(record, "image_dir_name"),
        species=text(record, "name"),
        common_name=text(record, "common_name"),
        supercategory=text(record, "supercategory"),
        ranks={rank: text(record, rank) for rank in RANKS},
    )


def parse_directory(name: str) -> Category | None:
    """Return the category in a directory name of 2021, or None if it names none."""
    number, *taxa = name.split("_")
    if not number.isdecimal() or len(taxa) != len(RANKS) + 1 or not all(taxa):
        return None
    *names, genus, epithet = taxa
    ranks = dict(zip(RANKS, (*names, genus), strict=True))
    supercategories = {taxon: group for group, taxon in GROUPS.values() if group}
    groups = (supercategories.get(ranks[rank]) for rank in ("class", "phylum", "kingdom"))
    supercategory = next(filter(None, groups), "")
    return Category(name, f"{genus} {epithet}", "", supercategory, ranks)
