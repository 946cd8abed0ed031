"""Readers for layouts that many releases share, each failing loudly with file and place."""

import csv
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp"}
)


def is_image_file(path: Path) -> bool:
    """Whether the file's name is that of a picture, and not one that a file system hides."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def require(*candidates: Path) -> Path:
    """Give the first of the paths that exists; a release without any of them is refused."""
    for path in candidates:
        if path.exists():
            return path
    names = " or ".join(map(str, candidates))
    raise ReleaseError(f"{names} is not there: unpack the release as its owners publish it")


def present(*candidates: Path) -> list[Path]:
    """Give those of the paths that exist, for releases that come in parts; at least one must."""
    require(*candidates)
    return [path for path in candidates if path.exists()]


def inside(root: Path, name: str) -> Path:
    """Join a name that a release wrote to its root; one that climbs out stays as it is.

    The build refuses pictures outside the data root, and names the row that asked for one.
    """
    return root / name.strip().replace("\\", "/").lstrip("/")


class LabelledImage(NamedTuple):
    """A picture in the folder of its class."""

    key: str
    image: Path
    label: str


def class_folders(root: Path) -> Iterator[LabelledImage]:
    """Read `root/<label>/<image>`, the layout of most classification releases."""
    for folder in sorted(path for path in require(root).iterdir() if path.is_dir()):
        for image in sorted(filter(is_image_file, folder.iterdir())):
            yield LabelledImage(f"{folder.name}/{image.name}", image, folder.name)


def load_json(path: Path, trim: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Read a JSON file whole; `trim` takes what is not needed out of each object as it is read."""
    try:
        return json.loads(require(path).read_bytes(), object_hook=trim)
    except ValueError as fault:
        raise ReleaseError(f"{path} is not JSON: {fault}") from fault


def json_lines(path: Path) -> Iterator[tuple[int, Any] | BrokenRow]:
    """Read a file of one JSON value a line with its line number; a bad line is yielded broken."""
    with require(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except ValueError as fault:
                yield BrokenRow(f"{path.name}:{number}", "malformed_json", str(fault))


def csv_rows(
    path: Path, *columns: str, delimiter: str = ",", encoding: str = "utf-8"
) -> Iterator[dict[str, str]]:
    """Read a table whose first line names its columns, of which the given ones must be there."""
    with require(path).open(encoding=encoding, newline="") as table:
        reader = csv.DictReader(table, delimiter=delimiter)
        if lacking := set(columns) - set(reader.fieldnames or ()):
            raise ReleaseError(f"{path} has no column {', '.join(sorted(lacking))}")
        yield from reader


def text_lines(path: Path) -> list[str]:
    """Read the lines of a list that are not blank, without the blanks at their ends."""
    return [line.strip() for line in require(path).read_text().splitlines() if line.strip()]


def coco_image(root: Path, split: str, image_id: int) -> Path:
    """Place an image of COCO 2014 or 2017, in this release or in a `coco` release beside it."""
    year = split[-4:]
    name = f"COCO_{split}_{image_id:012d}.jpg" if year != "2017" else f"{image_id:012d}.jpg"
    own = root / split
    return (own if is_folder(own) else root.parent / "coco" / split) / name


@cache
def is_folder(path: Path) -> bool:
    """Whether the path is a folder; asked once, since a reader asks for each of its rows."""
    return path.is_dir()
