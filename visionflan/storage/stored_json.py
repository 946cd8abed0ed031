"""Read the JSON files that describe the state of a build; one that is damaged has no content."""

import json
from pathlib import Path
from typing import Any


def load_object(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; None if the file is damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def is_whole_manifest(manifest: dict[str, Any]) -> bool:
    """Return whether a manifest has all that a build directory is read by."""
    files, datasets, tasks = (manifest.get(name) for name in ("files", "datasets", "tasks"))
    return (
        isinstance(files, dict)
        and all(isinstance(size, int) for size in files.values())
        and isinstance(datasets, dict)
        and all(isinstance(entry, dict) and "status" in entry for entry in datasets.values())
        and isinstance(tasks, dict)
        and all(isinstance(entry, dict) and "written" in entry for entry in tasks.values())
        and isinstance(manifest.get("digest"), str)
    )
