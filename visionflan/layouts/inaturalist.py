"""Read the taxonomy of iNaturalist 2021 from its annotation files, or from its directory names.

A directory is named `<number>_<kingdom>_<phylum>_<class>_<order>_<family>_<genus>_<epithet>`
(torchvision, datasets/inaturalist.py), so that images without annotations lack only the common name
of their species. Their super category follows from the ranks: the owners' groups are classes,
phyla or kingdoms, and "Animalia" holds the animals of no other group.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import json_list
from visionflan.layouts.fields import read_records, text

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
FILES = ("val.json", "train_mini.json", "train.json")


class Category(NamedTuple):
    """A species with its super category and the ranks above it."""

    directory: str
    species: str
    common_name: str
    supercategory: str
    ranks: dict[str, str]


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


def parse_directory(name: str, supercategories: Mapping[str, str]) -> Category | None:
    """Return the category in a directory name; `supercategories` has the groups of some taxa."""
    number, *taxa = name.split("_")
    if not number.isdecimal() or len(taxa) != len(RANKS) + 1 or not all(taxa):
        return None
    *names, genus, epithet = taxa
    ranks = dict(zip(RANKS, (*names, genus), strict=True))
    groups = (supercategories.get(ranks[rank]) for rank in ("class", "phylum", "kingdom"))
    supercategory = next(filter(None, groups), "")
    return Category(name, f"{genus} {epithet}", "", supercategory, ranks)
