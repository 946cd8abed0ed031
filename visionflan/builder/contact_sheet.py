"""Draw the contact sheet of a build: one instance of each task with all its images."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from visionflan.atomic_write import atomic_path
from visionflan.image_files import decode_image
from visionflan.storage.image_index import ImageIndex
from visionflan.storage.image_shards import ReadShard
from visionflan.storage.schema import instances_path

CONTACT_SHEET = "contact_sheet.jpg"
COLUMNS, MAX_CELLS = 6, 60
CELL, MARGIN, GAP = 184, 10, 4  # pixels
FONT_SIZE, LINE_HEIGHT = 15, 19
BACKGROUND, CELL_COLOR, TEXT_COLOR = "#ffffff", "#f4f2ec", "#22201c"

Measure = Callable[[str], float]


def write_contact_sheet(out: Path, manifest: dict[str, Any], read_shard: ReadShard) -> None:
    """Draw one instance of each task; if there are too many tasks, of evenly spaced ones."""
    tasks = [task for task, entry in manifest["tasks"].items() if entry["written"]]
    index = ImageIndex(out / "images.index")
    cells = [
        (task, images)
        for task in evenly_spaced(tasks, MAX_CELLS)
        if (images := list(first_images(instances_path(out, task), index, read_shard)))
    ]
    with atomic_path(out / CONTACT_SHEET) as temporary:
        draw_sheet(cells).save(temporary, "JPEG", quality=85)


def evenly_spaced(tasks: Sequence[str], maximum: int) -> list[str]:
    """Return at most `maximum` tasks from the first to the last."""
    number = min(len(tasks), maximum)
    return [tasks[index * len(tasks) // number] for index in range(number)]


def first_images(
    instances: Path, index: ImageIndex, read_shard: ReadShard
) -> Iterator[Image.Image]:
    """Yield the images of the first instance of a file that has any."""
    with pq.ParquetFile(instances) as file:
        batches = file.iter_batches(64, columns=["images"])
        rows = (ids for batch in batches for ids in batch["images"].to_pylist())
        image_ids: list[str] = next(filter(None, rows), [])
    for image_id in image_ids:
        location = index.locate(image_id)
        yield decode_image(read_shard(location.shard, location.offset, location.length))


def draw_sheet(cells: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Return the sheet, with the name of the task under each cell."""
    font = ImageFont.load_default(FONT_SIZE)
    captions = [wrap_name(task, font.getlength, CELL) for task, _ in cells]
    rows = [range(start, len(cells))[:COLUMNS] for start in range(0, len(cells), COLUMNS)]
    heights = [CELL + LINE_HEIGHT * max(len(captions[n]) for n in row) for row in rows]
    width = MARGIN + min(len(cells), COLUMNS) * (CELL + MARGIN)
    sheet = Image.new("RGB", (max(width, CELL), MARGIN + sum(heights) + len(rows) * 2 * MARGIN))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, *sheet.size), BACKGROUND)
    top = MARGIN
    for row, height in zip(rows, heights, strict=True):
        for column, number in enumerate(row):
            left = MARGIN + column * (CELL + MARGIN)
            draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), CELL_COLOR)
            paste_all(sheet, (left, top), cells[number][1])
            for line, text in enumerate(captions[number]):
                draw.text((left, top + CELL + 4 + line * LINE_HEIGHT), text, TEXT_COLOR, font)
        top += height + 2 * MARGIN
    return sheet


def paste_all(sheet: Image.Image, corner: tuple[int, int], images: Sequence[Image.Image]) -> None:
    """Paste the images of an instance side by side into a cell, as large as they fit."""
    columns = max(range(1, len(images) + 1), key=lambda number: smallest_scale(images, number))
    width, height = slot_size(len(images), columns)
    for number, image in enumerate(images):
        scaled = ImageOps.contain(image, (width, height))
        left = corner[0] + GAP + number % columns * (width + GAP) + (width - scaled.width) // 2
        top = corner[1] + GAP + number // columns * (height + GAP) + (height - scaled.height) // 2
        sheet.paste(scaled, (left, top))


def smallest_scale(images: Sequence[Image.Image], columns: int) -> float:
    """Return the scale of the image that shrinks most in that many columns of a cell."""
    width, height = slot_size(len(images), columns)
    return min(min(width / image.width, height / image.height) for image in images)


def slot_size(number: int, columns: int) -> tuple[int, int]:
    """Return the width and height that each of several images has in a cell."""
    rows = math.ceil(number / columns)
    width, height = ((CELL - GAP * (count + 1)) // count for count in (columns, rows))
    return max(1, width), max(1, height)


def wrap_name(name: str, measure: Measure, width: float) -> list[str]:
    """Break the name of a task after `/`, `_`, `-` and blanks into lines of at most a width.

    A word that is longer than a line is shortened with an ellipsis.
    """
    lines = [""]
    for word in re.findall(r"[^/_\-\s]*[/_\-\s]*", name)[:-1]:
        if lines[-1] and measure((lines[-1] + word).rstrip()) > width:
            lines.append("")
        lines[-1] += shorten(word, measure, width)
    return [line.rstrip() for line in lines]


def shorten(word: str, measure: Measure, width: float) -> str:
    """Return a word, cut and with an ellipsis if it is longer than a line."""
    if measure(word.rstrip()) <= width:
        return word
    length = next(n for n in range(len(word), 0, -1) if n == 1 or measure(f"{word[:n]}…") <= width)
    return f"{word[:length]}…"
