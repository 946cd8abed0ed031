"""A dataset for tests: lines of JSON that say what is asked of which pictures.

The tests write these lines, and the pictures, as broken as they need them.
"""

import io
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError
from visionflan.image_sources import ArchiveMember, ComputedImage, ImageSource
from visionflan.layouts import inside, json_lines
from visionflan.storage.directory import BuildDirectory

BOARD_FILE = Path(__file__)
MakeBoard = Callable[..., BuildDirectory]


class Row(NamedTuple):
    """One line."""

    key: str
    pictures: tuple[ImageSource, ...]
    line: dict[str, Any]


dataset = Dataset[Row](
    title="Board",
    homepage="https://example.org/board",
    license="MIT",
    citation="Nobody (2024), Pictures on a board",
    obtain="The tests write it.",
    tree="rows.jsonl\nimages/",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    """Read the lines."""
    for entry in json_lines(root / "rows.jsonl"):
        if isinstance(entry, BrokenRow):
            yield entry
            continue
        _, line = entry
        if "stop" in line:
            raise ReleaseError(f"{root / 'rows.jsonl'} says stop")
        if "stumble" in line:
            raise KeyError(line["stumble"])
        yield Row(line["key"], tuple(picture(root, name) for name in line["images"]), line)


def picture(root: Path, name: str) -> ImageSource:
    """Find a picture: a file, a member of an archive after `!`, or a drawn one after `#`."""
    if "!" in name:
        archive, _, member = name.partition("!")
        return ArchiveMember(inside(root, archive), member)
    if "#" in name:
        source, _, place = name.partition("#")
        return ComputedImage(inside(root, source), place, drawn)
    return inside(root, name)


def drawn(source: Path, place: str) -> Image.Image:
    """Draw a picture, or misbehave as asked."""
    match place:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(3_600)
        case "stumble":
            raise IndexError("there is no such digit")
    return Image.new("RGB", (20, 20), place)


@dataset.task("Say what is asked.", title="Ask", category="Perception")
def ask(row: Row) -> Example | None:
    """Give the row as it stands, unless it is for the other task only."""
    if row.line.get("only") == "count":
        return None
    return Example(
        image=row.pictures,
        text=row.line.get("text", ""),
        options=tuple(row.line.get("options", ())),
        target=row.line["target"],
        repaired=tuple(row.line.get("repaired", ())),
    )


@dataset.task("Count the pictures.", title="Count", category="Reasoning")
def count(row: Row) -> Example | None:
    """Count the pictures of the row, unless it is for the other task only."""
    if row.line.get("only") == "ask":
        return None
    return Example(image=row.pictures, text=row.key, target=str(len(row.pictures)))


@dataset.task("Guess the age.", title="Age", category="Perception", sensitive=True)
def age(row: Row) -> Example | None:
    """Ask what is only asked when it is asked for."""
    return Example(image=row.pictures, target="unknown")


def board_picture(number: int, form: str = "JPEG") -> bytes:
    """Draw a picture that looks unlike those of other numbers."""
    noise = random.Random(number)
    small = Image.frombytes("RGB", (9, 8), noise.randbytes(216))
    buffer = io.BytesIO()
    small.resize((90, 75), Image.Resampling.BICUBIC).save(buffer, form)
    return buffer.getvalue()


def write_board(root: Path, rows: list[dict[str, Any] | str], pictures: int = 0) -> Path:
    """Write a release: its lines, and as many good pictures `images/<n>.jpg`."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        (root / f"images/{number}.jpg").write_bytes(board_picture(number))
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (root / "rows.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return root


def asking(number: int, **more: Any) -> dict[str, Any]:
    """Make a line that asks about the picture of a number."""
    return {
        "key": f"k{number}",
        "images": [f"images/{number}.jpg"],
        "text": f"What is {number}?",
        "target": f"it is {number}",
        **more,
    }


def files_of(path: Path) -> dict[str, bytes]:
    """Read all files of a build but those that it keeps for itself."""
    names = {file: str(file.relative_to(path)) for file in sorted(path.rglob("*"))}
    return {
        name: file.read_bytes() for file, name in names.items() if file.is_file() and name[0] != "."
    }
