"""Find the annotation files of a release, and the directory its image names start in."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from visionflan.builder.sampling import find_file_fault
from visionflan.errors import ReleaseError
from visionflan.formats.shared.json_records import json_records
from visionflan.formats.shared.other_forms import describe_file, describe_record
from visionflan.storage.instance import Split

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
OTHER_SUFFIXES = (".parquet", ".tar", ".yaml", ".yml", ".zip")
NUM_PROBED = 20  # records that are looked at to see what a file is
MULTI_IMAGE = "_multi_image"  # the end of the names of files whose records have several images


def resolve(path: Path) -> Path:
    """Return the absolute path without `..`; a link to a file keeps its name and its directory."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def find_annotations(release: Path) -> tuple[Path, ...]:
    """Return the annotation files of a release: the file itself, or those in the directory."""
    if not release.exists():
        raise ReleaseError(f"{release} does not exist")
    if release.is_dir():
        return annotation_files(release)
    if not release.is_file():
        raise ReleaseError(f"{release} is not a file: pass the path of an annotation file")
    if form := describe_other_form(release):
        raise ReleaseError(f"{release} is {form}")
    return (release,)


def annotation_files(directory: Path) -> tuple[Path, ...]:
    """Return the only file of conversations in a directory, or all files of an export."""
    files = sorted(path for path in directory.iterdir() if path.is_file())
    matches = [path for path in files if path.name.endswith(SUFFIXES) and has_conversations(path)]
    if matches and (len(matches) == 1 or all(export_split(path) for path in matches)):
        return tuple(matches)
    other_form = describe_others(files)
    if other_form and not matches:
        raise ReleaseError(f"{directory}/{other_form}")
    names = ", ".join(path.name for path in matches) or "none"
    raise ReleaseError(
        f"{directory} must contain exactly one JSON file of conversations, found {names}: "
        f"pass the path of one file{other_form and f'; {other_form}'}"
    )


def describe_others(files: Iterable[Path]) -> str:
    """Return the name of the first file of another form, and what it is; or an empty string."""
    for path in sorted(files, key=lambda path: path.name == "dataset_info.json"):
        if path.name.endswith((*SUFFIXES, *OTHER_SUFFIXES)):
            try:
                form = describe_other_form(path)
            except ReleaseError as error:
                form = f"unreadable: {error}"
            if form:
                return f"{path.name} is {form}"
    return ""


def has_conversations(path: Path) -> bool:
    """Return whether one of the first records of a file has a conversation."""
    try:
        return any("conversations" in record for record in first_records(path))
    except ReleaseError:
        return False


def describe_other_form(path: Path) -> str | None:
    """Return what a file is that has no conversations; None if it has some, or is unknown."""
    if form := describe_file(path):
        return form
    records = first_records(path)
    if not records or any("conversations" in record for record in records):
        return None
    return describe_record(records[0])


def first_records(path: Path) -> list[dict[str, Any]]:
    """Return the first NUM_PROBED records that are objects."""
    records = (record for record in json_records(path) if isinstance(record, dict))
    return list(islice(records, NUM_PROBED))


def export_split(path: Path) -> Split | None:
    """Return the split that the name of a file stands for in an export, if any."""
    stem = path.name.partition(".")[0].removesuffix(MULTI_IMAGE)
    return next((split for split in get_args(Split) if split == stem), None)


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
