"""Define a dataset for tests: lines of JSON with the question and the images of each row.

The tests write these lines and the images, valid or broken. Worker processes load this
file as the dataset file `board`.
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
    images: tuple[ImageSource, ...]
    line: dict[str, Any]

    @property
    def part(self) -> str:
        """Return the official split."""
        return str(self.line.get("part", ""))

    @property
    def video(self) -> str:
        """Return the video that the images are from."""
        return str(self.line.get("video", ""))


dataset = Dataset[Row](
    title="Board",
    homepage="https://example.org/board",
    license="MIT",
    citation="Nobody (2024), Pictures on a board",
    obtain="The tests write it.",
    tree="rows.jsonl\nimages/",
    split_field="part",
    group_field="video",
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
        yield Row(line["key"], tuple(image_source(root, name) for name in line["images"]), line)


def image_source(root: Path, name: str) -> ImageSource:
    """Return the source of an image: a file, an archive member after `!`, or computed after `#`."""
    if "!" in name:
        archive, _, member = name.partition("!")
        return ArchiveMember(inside(root, archive), member)
    if "#" in name:
        source, _, location = name.partition("#")
        return ComputedImage(inside(root, source), location, draw_or_fail)
    # A reader of its own may name a file that cannot exist, which `inside` would refuse.
    return root / name.lstrip("/") if "\0" in name else inside(root, name)


def draw_or_fail(source: Path, location: str) -> Image.Image:
    """Draw an image, or fail in the way that `location` names."""
    match location:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(3_600)
        case "gobble":
            bytearray(3 << 30)
        case "stumble":
            raise IndexError("there is no such digit")
    return Image.new("RGB", (20, 20), location)


@dataset.task(
    "Say what is asked.",
    "What is asked? Say it.",
    "Asked: what?",
    title="Ask",
    category="Perception",
)
def ask(row: Row) -> Example | None:
    """Return the row as an example, unless it is for the other task only."""
    if row.line.get("only") == "count":
        return None
    return Example(
        image=row.images,
        text=row.line.get("text", ""),
        options=tuple(row.line.get("options", ())),
        target=row.line["target"],
        repaired=tuple(row.line.get("repaired", ())),
    )


@dataset.task("Count the pictures.", title="Count", category="Reasoning")
def count(row: Row) -> Example | None:
    """Return a question for the number of images, unless the row is for the other task only."""
    if row.line.get("only") == "ask":
        return None
    return Example(image=row.images, text=row.key, target=str(len(row.images)))


@dataset.task("Guess the age.", title="Age", category="Perception", sensitive=True)
def age(row: Row) -> Example | None:
    """Return a sensitive question."""
    return Example(image=row.images, target="unknown")


def board_image(number: int, image_format: str = "JPEG") -> bytes:
    """Draw an image that is not a near-duplicate of those of other numbers."""
    noise = random.Random(number)
    small = Image.frombytes("RGB", (9, 8), noise.randbytes(216))
    buffer = io.BytesIO()
    small.resize((90, 75), Image.Resampling.BICUBIC).save(buffer, image_format)
    return buffer.getvalue()


def upside_down(number: int) -> bytes:
    """Draw an image that its EXIF data turn by half a turn."""
    exif = Image.Exif()
    exif[0x0112] = 3
    buffer = io.BytesIO()
    Image.open(io.BytesIO(board_image(number))).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def write_board(root: Path, rows: list[dict[str, Any] | str], images: int = 0) -> Path:
    """Write a release: its lines, and as many valid images `images/<n>.jpg`."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number in range(images):
        (root / f"images/{number}.jpg").write_bytes(board_image(number))
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (root / "rows.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return root


def row_of(number: int, **more: Any) -> dict[str, Any]:
    """Return a line with a question about the image of a number."""
    return {
        "key": f"k{number}",
        "images": [f"images/{number}.jpg"],
        "text": f"What is {number}?",
        "target": f"it is {number}",
        **more,
    }


def files_of(path: Path) -> dict[str, bytes]:
    """Return the content of all files of a build except hidden ones."""
    names = {file: str(file.relative_to(path)) for file in sorted(path.rglob("*"))}
    return {
        name: file.read_bytes() for file, name in names.items() if file.is_file() and name[0] != "."
    }


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    """Write a release with a question about each of `count` images."""
    write_board(root, [row_of(number) for number in range(count)], count)
