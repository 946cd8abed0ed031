"""Recognize a YAML list of JSON files without a YAML parser, and load YAML with one."""

import re
from pathlib import Path
from typing import Any

from visionflan.errors import ReleaseError
from visionflan.layouts import load_text

FILES = re.compile(r"^\s*(?:-\s*)?[\"']?json_path[\"']?\s*:", re.MULTILINE)
SUFFIXES = (".yaml", ".yml")
HEAD, MAX_LIST = 1 << 20, 16 << 20  # bytes


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


def load_yaml(path: Path, noun: str) -> Any:
    """Load a YAML file that should be what the noun says; all of its scalars are texts."""
    try:
        import yaml
    except ImportError as error:
        raise ReleaseError(
            f"{path} is YAML: reading it needs pip install 'visionflan[readers]'"
        ) from error
    if path.stat().st_size > MAX_LIST:
        raise ReleaseError(f"{path} has more than {MAX_LIST:,} bytes: it is no {noun}")
    try:
        # YAML would make a number of `1:30`.
        return yaml.load(load_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(f"{error}".split())[:200]
        raise ReleaseError(f"{path} is no {noun}: {problem}; correct it") from error
