"""Write small directory trees in the layouts of official releases."""

import json
from collections.abc import Iterable
from pathlib import Path

from PIL import Image


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, creating its parent directories."""
    write_text(path, json.dumps(value))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a text file, each followed by a newline; without lines, write no file.

    Those who publish a release leave out a list that nothing is in, and readers refuse it.
    """
    if text := "".join(f"{line}\n" for line in lines):
        write_text(path, text)


def write_text(path: Path, text: str, *, encoding: str = "utf-8") -> None:
    """Write a text file, creating its parent directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


def write_image(path: Path, image: Image.Image) -> None:
    """Write an image in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        image.convert("RGB").save(path, "JPEG", quality=90)
    else:
        image.save(path)
