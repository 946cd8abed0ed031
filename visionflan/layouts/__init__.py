"""Read layouts that many releases share; errors name the file and the position in it."""

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
    """Return whether a file has an image suffix and is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def require(*candidates: Path) -> Path:
    """Return the first candidate that exists; raise ReleaseError if there is none."""
    for path in candidates:
        if path.exists():
            return path
    names = " or ".join(map(str, candidates))
    raise ReleaseError(f"{names} does not exist: unpack the release as its owners publish it")


def existing_paths(*candidates: Path) -> list[Path]:
    """Return the candidates that exist; raise ReleaseError if there are none."""
    require(*candidates)
    return [path for path in candidates if path.exists()]


def inside(root: Path, name: str) -> Path:
    """Join a name that a release uses for a file to the root, without resolving `..`.

    The build rejects images outside the data root and names the row in the ledger.
    """
    return root / name.strip().replace("\\", "/").lstrip("/")


class LabeledImage(NamedTuple):
    """An image in the directory of its class."""

    key: str
    image: Path
    label: str


def class_folders(root: Path) -> Iterator[LabeledImage]:
    """Yield the images of `root/<label>/<image>`, the layout of most classification releases."""
    for folder in sorted(path for path in require(root).iterdir() if path.is_dir()):
        for image in sorted(filter(is_image_file, folder.iterdir())):
            yield LabeledImage(f"{folder.name}/{image.name}", image, folder.name)


def load_json(path: Path, trim: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Load a JSON file; `trim` drops what is not needed from each object during parsing."""
    try:
        return json.loads(require(path).read_bytes(), object_hook=trim)
    except ValueError as error:
        raise ReleaseError(f"{path} is not JSON: {error}") from error


def json_lines(path: Path) -> Iterator[tuple[int, Any] | BrokenRow]:
    """Yield the line number and value of each JSON line; a malformed line comes as a BrokenRow."""
    with require(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield BrokenRow(f"{path.name}:{number}", "malformed_json", str(error))


def csv_rows(
    path: Path, *columns: str, delimiter: str = ",", encoding: str = "utf-8"
) -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a header line, which must contain `columns`."""
    with require(path).open(encoding=encoding, newline="") as table:
        reader = csv.DictReader(table, delimiter=delimiter)
        if missing := set(columns) - set(reader.fieldnames or ()):
            raise ReleaseError(f"{path} has no column {', '.join(sorted(missing))}")
        yield from reader


def text_lines(path: Path) -> list[str]:
    """Return the lines that are not blank, stripped."""
    return [line.strip() for line in require(path).read_text().splitlines() if line.strip()]


def coco_image(root: Path, split: str, image_id: int) -> Path:
    """Return the path of a COCO image, in this release or in a sibling directory `coco`."""
    year = split[-4:]
    name = f"COCO_{split}_{image_id:012d}.jpg" if year != "2017" else f"{image_id:012d}.jpg"
    in_release = root / split
    return (in_release if is_folder(in_release) else root.parent / "coco" / split) / name


@cache
def is_folder(path: Path) -> bool:
    """Return whether the path is a directory; cached, since readers call it for each row."""
    return path.is_dir()
