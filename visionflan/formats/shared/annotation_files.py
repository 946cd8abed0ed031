"""Find the annotation files of a release, and the directory its image names start in."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from visionflan.builder.sampling import find_file_fault
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.formats.shared.json_records import json_records, peek
from visionflan.storage.instance import Split

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
NUM_PROBED = 20  # records that are looked at to see what a file is
NUM_FILES = (
    1_024  # files whose first records stay in memory, so that each format need not read them
)
MAX_TEXT, MAX_DEPTH = 200, 6  # characters of a text and levels of a record that stay in memory
MULTI_IMAGE = "_multi_image"  # the end of the names of files whose records have several images
OFFICIAL_SPLITS = ("test", "validation", "val-", "dev-")  # with which the names of shards begin
Matches = Callable[[list[dict[str, Any]]], bool]  # whether a file begins with such records


def resolve(path: Path) -> Path:
    """Return the absolute path without `..`; a link to a file keeps its name and its directory."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def find_annotations(
    release: Path, noun: str, matches: Matches, suffixes: tuple[str, ...] = SUFFIXES
) -> tuple[Path, ...]:
    """Return the annotation files of a release: the file itself, or those in the directory."""
    if not release.exists():
        raise ReleaseError(f"{release} does not exist")
    if release.is_dir():
        return annotation_files(release, noun, matches, suffixes)
    if not release.is_file():
        raise ReleaseError(f"{release} is not a file: pass the path of an annotation file")
    return (release,)


def annotation_files(
    directory: Path, noun: str, matches: Matches, suffixes: tuple[str, ...]
) -> tuple[Path, ...]:
    """Return the only file of a form in a directory, or all files of an export."""
    files = json_files(directory, suffixes)
    matched = [path for path in files if has_records(path, matches)]
    if matched and all(export_split(path) for path in matched):
        # A file of an export whose beginning is damaged is read too: its records are accounted for.
        return tuple(path for path in files if path in matched or export_split(path))
    if len(matched) == 1:
        return tuple(matched)
    names = ", ".join(path.name for path in matched) or "none"
    raise ReleaseError(
        f"{directory} must contain exactly one file of {noun}, found {names}: pass the path of "
        "one file"
    )


def json_files(directory: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Return the files of JSON in a directory, sorted."""
    files = (path for path in directory.iterdir() if path.name.endswith(suffixes))
    return sorted(path for path in files if path.is_file())


def has_records(path: Path, matches: Matches) -> bool:
    """Return whether a file has records of a form, by the first ones."""
    try:
        return matches(first_records(path))
    except (ReleaseError, OSError):
        return False


def unreadable_files(directory: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[BrokenRow]:
    """Return a row for each file of a directory that should have records, and is damaged."""
    rows = []
    for path in sorted(path for path in directory.iterdir() if path.name.endswith(suffixes)):
        if not path.is_file():
            rows.append(BrokenRow(path.name, "unread_file", "it is not a file"))
            continue
        try:
            problem = "" if first_records(path) else "it has no records that are objects"
        except (ReleaseError, OSError) as error:
            problem = "" if begins_with_object(path) else f"{error}"
        if problem:
            rows.append(BrokenRow(path.name, "unread_file", problem))
    return rows


def begins_with_object(path: Path) -> bool:
    """Return whether a file is one JSON object, such as a configuration, and no list of records."""
    try:
        return peek(path).startswith("{")
    except (ReleaseError, OSError):
        return False


def first_records(path: Path) -> list[dict[str, Any]]:
    """Return the objects among the first NUM_PROBED records, with long texts and lists cut short.

    A file is read once, however many formats look at it.
    """
    status = path.stat()
    records = probe(path, status.st_size, status.st_mtime_ns)
    if isinstance(records, str):
        raise ReleaseError(records)
    return list(records)


@lru_cache(maxsize=NUM_FILES)
def probe(path: Path, size: int, modified: int) -> tuple[dict[str, Any], ...] | str:
    """Return the first records of a file in this state, or why they cannot be read."""
    del size, modified  # parts of the key of the cache
    try:
        records = list(islice(json_records(path), NUM_PROBED))
    except ReleaseError as error:
        return str(error)
    return tuple(cut_short(record) for record in records if isinstance(record, dict))


def cut_short(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a value of JSON with its long texts, long lists and deep levels cut."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        return [cut_short(item, depth - 1) for item in value[:NUM_PROBED]] if depth else []
    if isinstance(value, dict):
        return {name: cut_short(item, depth - 1) for name, item in value.items()} if depth else {}
    return value


def export_split(path: Path) -> Split | None:
    """Return the split that the name of a file stands for in an export, if any."""
    stem = path.name.partition(".")[0].removesuffix(MULTI_IMAGE)
    return next((split for split in get_args(Split) if split == stem), None)


def file_split(path: Path) -> Split | None:
    """Return the split that the name of a shard begins with, if any."""
    return next((split for split in get_args(Split) if path.name.startswith(f"{split}-")), None)


def official_split(path: Path) -> BrokenRow | None:
    """Return why a shard among others is not read, if it is one of a test or validation set."""
    if not path.name.startswith(OFFICIAL_SPLITS):
        return None
    detail = "it is of a split that is not for training: import it by itself"
    return BrokenRow(path.name, "unread_file", detail)


def find_images(annotations: Path, names: Iterable[str]) -> Path:
    """Return the directory next to the annotations that contains the first image to be found.

    Names that are absolute paths to existing files are in `/`.
    """
    parent = annotations.parent
    candidates = [parent / "images", parent, *subdirectories(parent)]
    first = ""
    for name in names:
        first = first or name
        for candidate in [*candidates, Path("/")] if name.startswith("/") else candidates:
            if find_file_fault(str(locate(candidate, name)), str(candidate)) is None:
                return candidate
    if first:
        raise ReleaseError(
            f"no directory next to {annotations} contains {first!r:.200}: "
            "pass the directory of the images as --images"
        )
    return parent


def locate(directory: Path, name: str) -> Path:
    """Return the path of an image, whose name has slashes of either kind."""
    return directory / name.replace("\\", "/").lstrip("/")


def subdirectories(directory: Path) -> list[Path]:
    """Return the directories in a directory, sorted."""
    return sorted(path for path in directory.iterdir() if path.is_dir())
