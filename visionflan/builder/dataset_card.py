"""Write the dataset card of a build: what is in it, whose it is, and how it looks."""

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from visionflan.atomic_write import atomic_path, write_text
from visionflan.storage.image_index import ImageIndex

CELL, CAPTION, ACROSS, MOST_CELLS = 160, 40, 8, 64
BUILD_FILES = [
    "- config_name: instances",
    "  default: true",
    "  data_files:",
    "  - {split: train_and_held_out, path: 'instances/*.parquet'}",
    "- config_name: images",
    "  data_files:",
    "  - {split: images, path: 'images/*.parquet'}",
]
CONTACT_SHEET = "contact_sheet.jpg"


def write_card(out: Path, manifest: dict[str, Any]) -> None:
    """Write README.md and the contact sheet."""
    write_contact_sheet(out, manifest)
    write_text(out / "README.md", card(manifest))


def card(manifest: dict[str, Any]) -> str:
    """Give the card in the form in which Hugging Face shows one."""
    totals, about = manifest["totals"], manifest["about"]
    built = {name: told for name, told in manifest["datasets"].items() if told["status"] == "built"}
    return "\n".join(
        [
            *front_matter(totals["instances"]),
            f"# {about.get('title', 'A visual-instruction-tuning set')}",
            "",
            f"{totals['instances']:,} instances of {sum(map(kept, manifest['tasks'].values()))} "
            f"task(s) over {totals['images']:,} distinct images "
            f"({totals['image_bytes'] / 1e6:,.1f} MB): {totals['train']:,} for training, "
            f"{totals['held_out']:,} held out by image. Digest `{manifest['digest']}`.",
            "",
            f"![one picture of each task]({CONTACT_SHEET})",
            "",
            "## Tasks",
            "",
            "| task | category | train | held out | rows read | lost | over the cap |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
            *map(task_line, manifest["tasks"], manifest["tasks"].values()),
            "",
            "## Sources",
            "",
            "The images and annotations keep the licenses of their owners.",
            "",
            *(line for name, told in built.items() for line in source(name, told)),
            "## Files",
            "",
            "`instances/*.parquet` holds the instances of each task, `images/*.parquet` each image "
            "once under the sha256 of its bytes, `images.index` where its bytes lie, "
            "`ledger.parquet` every row that was lost and why, `manifest.json` the settings, the "
            "versions and the counts.",
            "",
        ]
    )


def front_matter(instances: int, splits: Mapping[str, str] | None = None) -> list[str]:
    """Give the head of the card that machines read; `splits` names the files of an export."""
    power = max(3, math.ceil(math.log10(max(instances, 1) + 1)))
    names = {3: "n<1K", 4: "1K<n<10K", 5: "10K<n<100K", 6: "100K<n<1M", 7: "1M<n<10M"}
    return [
        "---",
        "license: other",
        "license_name: those-of-the-sources",
        "task_categories:",
        "- visual-question-answering",
        "- image-to-text",
        "- image-classification",
        "tags:",
        "- visual-instruction-tuning",
        "- vision-flan",
        f"size_categories: [{names.get(power, 'n>1T')}]",
        "configs:",
        *(BUILD_FILES if splits is None else ["- config_name: default", "  data_files:"]),
        *(f"  - {{split: {split}, path: {path!r}}}" for split, path in (splits or {}).items()),
        "---",
        "",
    ]


def kept(task: dict[str, Any]) -> bool:
    """Whether a task has instances."""
    return bool(task["kept"])


def task_line(name: str, task: dict[str, Any]) -> str:
    """Give the counts of a task as a line of the table."""
    lost = sum(task["dropped"].values())
    return (
        f"| `{name}` | {task['category']} | {task['train']:,} | {task['held_out']:,} "
        f"| {task['rows_read']:,} | {lost:,} | {task['over_cap']:,} |"
    )


def source(name: str, told: dict[str, Any]) -> Iterator[str]:
    """Say whose a dataset is."""
    yield f"### {told.get('title', name)}"
    yield ""
    yield f"- license: {told.get('license', 'unknown')}. {told.get('terms', '')}".rstrip(" .") + "."
    if told.get("citation"):
        yield f"- cite: {told['citation']}"
    if told.get("homepage"):
        yield f"- home: {told['homepage']}"
    yield ""


def write_contact_sheet(out: Path, manifest: dict[str, Any]) -> None:
    """Draw one picture of each task, or of as many as a sheet holds, spread over all."""
    tasks = [task for task, told in manifest["tasks"].items() if kept(told)]
    tasks = tasks[:: math.ceil(len(tasks) / MOST_CELLS) or 1]
    index = ImageIndex(out / "images.index")
    pictures = [(task, image) for task in tasks if (image := first_image(out, index, task))]
    down = math.ceil(len(pictures) / ACROSS)
    size = (min(len(pictures), ACROSS) * CELL or CELL, down * (CELL + CAPTION) or CELL)
    sheet = Image.new("RGB", size, "white")
    for place, (task, picture) in enumerate(pictures):
        x, y = place % ACROSS * CELL, place // ACROSS * (CELL + CAPTION)
        picture.thumbnail((CELL - 8, CELL - 8))
        sheet.paste(picture, (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2))
        words = "\n".join(wrap(task.replace("/", "/ "), CELL // 6))
        ImageDraw.Draw(sheet).text((x + 4, y + CELL), words, fill="black")
    with atomic_path(out / CONTACT_SHEET) as temporary:
        sheet.save(temporary, "JPEG", quality=85)


def first_image(out: Path, index: ImageIndex, task: str) -> Image.Image | None:
    """Read the first picture of a task, if its instances show any."""
    path = out / "instances" / f"{task.replace('/', '.')}.parquet"
    with pq.ParquetFile(path) as file:
        images = next(file.iter_batches(1, columns=["images"]))["images"][0].as_py()
    if not images:
        return None
    place = index.place(images[0])
    with (out / "images" / place.shard).open("rb") as shard:
        shard.seek(place.offset)
        return Image.open(io.BytesIO(shard.read(place.length))).convert("RGB")
