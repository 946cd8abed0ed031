"""LLaMA-Factory's `dataset_info.json`, which lists data sets with their files and columns."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.errors import ReleaseError
from visionflan.layouts import load_json

NAME = "dataset_info.json"
KEYS = frozenset({"file_name", "hf_hub_url", "ms_hub_url", "script_url", "columns", "formatting"})


def read_list(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a list; raise ReleaseError if it is none."""
    content = load_json(path)
    if not isinstance(content, dict) or not any(map(is_entry, content.values())):
        raise ReleaseError(f"{path} is not a list of data sets: each has `file_name`")
    return content


def is_entry(value: Any) -> bool:
    """Return whether a value describes a data set."""
    return isinstance(value, dict) and not KEYS.isdisjoint(value)


def list_path(path: Path) -> Path:
    """Return the path of the list, given it or its directory."""
    return path / NAME if path.is_dir() else path


def lists_datasets(path: Path) -> bool:
    """Return whether a path is a list of data sets, or the directory of one.

    The one that an export to LLaVA's form has does not count: its column of images is `image`.
    """
    file = list_path(path)
    if file.name != NAME or not file.is_file():
        return False
    try:
        entries = read_list(file).values()
    except (ReleaseError, OSError):
        return False
    return any(is_entry(entry) and not is_llava(entry) for entry in entries)


def is_llava(entry: dict[str, Any]) -> bool:
    """Return whether an entry describes a file in LLaVA's form."""
    columns = entry.get("columns")
    return isinstance(columns, dict) and columns.get("images") == "image"


def add_entries(directory: Path, entries: Mapping[str, dict[str, Any]]) -> None:
    """Add entries to the list of a directory, which is created if there is none."""
    path = directory / NAME
    present = json.loads(path.read_bytes()) if path.exists() else {}
    write_json(path, {**present, **entries})
