"""Describe what a release is that no format recognizes, so that an error can name it."""

import re
from pathlib import Path
from typing import Any

from visionflan.errors import ReleaseError
from visionflan.formats.shared.annotation_files import SUFFIXES, first_records

HEAD = 512  # bytes
TAR_MAGIC, TAR_OFFSET = b"ustar", 257
ARCHIVES = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive", b"7z": "a 7z archive"}
OTHER_SUFFIXES = (".parquet", ".tar", ".tgz", ".yaml", ".yml", ".zip", ".gz", ".7z")
MAX_FIELDS = 6


def describe_unrecognized(path: Path) -> str:
    """Return why no format recognizes a path, and what to do, in one sentence."""
    if not path.exists():
        return f"{path} does not exist"
    if path.is_dir():
        return describe_directory(path)
    if not path.is_file():
        return f"{path} is not a file: pass the path of an annotation file"
    return f"{path} is in no form that import recognizes: {describe_file(path)}"


def describe_directory(directory: Path) -> str:
    """Return what the files of a directory are that no format recognizes."""
    if (directory / "manifest.json").is_file() and (directory / "instances").is_dir():
        return f"{directory} is a build directory already: use it without an import"
    files = sorted(path for path in directory.iterdir() if path.is_file())
    for path in files:
        if path.name.endswith((*SUFFIXES, *OTHER_SUFFIXES)):
            return (
                f"{directory} has no file of a form that import recognizes: {path.name} is not "
                f"one, {describe_file(path)}"
            )
    return f"{directory} has no file of a form that import recognizes: found none that may be one"


def describe_file(path: Path) -> str:
    """Return what a file is, and what to do."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if head.startswith(b"PAR1"):
        return describe_parquet(path)
    if head[TAR_OFFSET:].startswith(TAR_MAGIC):
        return "it is a tar archive without annotations (members .json or .txt): unpack it"
    for magic, name in ARCHIVES.items():
        if head.startswith(magic) and not path.name.endswith(SUFFIXES):
            return f"it is {name}: unpack it"
    return describe_text(path)


def describe_text(path: Path) -> str:
    """Return what a file of text is, and what to do."""
    if path.suffix in {".yaml", ".yml"}:
        return "it is YAML without `json_path`: pass the path of a JSON file"
    try:
        records = first_records(path)
    except ReleaseError as error:
        return str(error)
    return describe_record(records[0]) if records else "it has no records that are objects"


def describe_parquet(path: Path) -> str:
    """Return which columns a Parquet file has, and what to do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:
            columns = pq.read_schema(stream).names
    except (pa.ArrowException, OSError):
        return "it is a truncated Parquet file: download it again"
    names = ", ".join(f"`{name}`" for name in columns[:MAX_FIELDS])
    return (
        f"it is Parquet with the columns {names}: it must have `images` and `messages` or `texts`, "
        "or `image` and `conversations`"
    )


def describe_record(record: dict[str, Any]) -> str:
    """Return what a file is whose first record this is, and what to do."""
    for name, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"it is an object with its list under `{name}`: write that list alone to a file"
    names = ", ".join(f"`{name:.40}`" for name in list(record)[:MAX_FIELDS]) or "none"
    return re.sub(r"\s+", " ", f"the fields of its first record are {names}")
