"""Recognize a YAML list of JSON files without a YAML parser."""

import re
from pathlib import Path

FILES = re.compile(r"^\s*(?:-\s*)?[\"']?json_path[\"']?\s*:", re.MULTILINE)
SUFFIXES = (".yaml", ".yml")
HEAD = 1 << 20  # bytes


def is_yaml_list(path: Path) -> bool:
    """Return whether a YAML file lists files of records."""
    if not (path.name.endswith(SUFFIXES) and path.is_file()):
        return False
    try:
        with path.open("rb") as file:
            return bool(FILES.search(file.read(HEAD).decode(errors="replace")))
    except OSError:
        return False


def yaml_lists(directory: Path) -> list[Path]:
    """Return the lists in a directory, sorted."""
    return list(filter(is_yaml_list, yaml_files(directory)))


def yaml_files(directory: Path) -> list[Path]:
    """Return the YAML files in a directory, sorted."""
    return sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIXES))
