"""Write the dataset card of a build: its contents, its sources, and a contact sheet."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, get_args

import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from visionflan.atomic_write import atomic_path, write_text
from visionflan.escaping import code_span, escape_markdown, web_link
from visionflan.image_files import decode_image
from visionflan.storage.image_index import ImageIndex
from visionflan.vocabulary import OfficialSplit

CELL, CAPTION = 160, 40  # pixels
COLUMNS, MAX_CELLS = 8, 64
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
    write_text(out / "README.md", render_card(manifest))


def render_card(manifest: dict[str, Any]) -> str:
    """Return the card as Markdown with the YAML header that the Hugging Face Hub reads."""
    totals, about = manifest["totals"], manifest["about"]
    datasets = manifest["datasets"].items()
    built = {name: dataset for name, dataset in datasets if dataset["status"] == "built"}
    num_tasks = sum(map(has_instances, manifest["tasks"].values()))
    return "\n".join(
        [
            *front_matter(totals["instances"]),
            f"# {escape_markdown(about.get('title', 'A visual instruction tuning set'))}",
            "",
            f"{totals['instances']:,} instances of {num_tasks} "
            f"task(s) over {totals['images']:,} distinct images "
            f"({totals['image_bytes'] / 1e6:,.1f} MB): {totals['train']:,} for training, "
            f"{totals['held_out']:,} held out by image. Digest `{manifest['digest']}`.",
            "",
            f"![one image of each task]({CONTACT_SHEET})",
            "",
            "## Tasks",
            "",
            "| task | category | train | held out | rows read | dropped | over maximum |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
            *map(task_line, manifest["tasks"], manifest["tasks"].values()),
            "",
            *official_split_lines(manifest),
            "## Sources",
            "",
            "Images and annotations keep the licenses of their owners.",
            "",
            *(line for name, dataset in built.items() for line in source_lines(name, dataset)),
            "## Files",
            "",
            "`instances/*.parquet` contains the instances of each task, `images/*.parquet` each "
            "image once under the sha256 of its bytes, `images.index` their byte offsets, "
            "`ledger.parquet` every dropped row with the reason, and `manifest.json` settings, "
            "versions and counts.",
            "",
        ]
    )


def front_matter(
    instances: int, configs: Mapping[str, Mapping[str, str]] | None = None
) -> list[str]:
    """Return the YAML header of a card.

    `configs` has the configurations of an export, each with the files of its splits.
    """
    num_digits = max(3, math.ceil(math.log10(max(instances, 1) + 1)))
    sizes = {3: "n<1K", 4: "1K<n<10K", 5: "10K<n<100K", 6: "100K<n<1M", 7: "1M<n<10M"}
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
        f"size_categories: [{sizes.get(num_digits, 'n>1T')}]",
        "configs:",
        *(BUILD_FILES if configs is None else config_lines(configs)),
        "---",
        "",
    ]


def config_lines(configs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the configurations of an export; the first one is the default."""
    for number, (name, splits) in enumerate(configs.items()):
        yield f"- config_name: {name}"
        if number == 0:
            yield "  default: true"
        yield "  data_files:"
        for split, path in splits.items():
            yield f"  - {{split: {split}, path: {path!r}}}"


def has_instances(task: dict[str, Any]) -> bool:
    """Return whether a task has instances."""
    return bool(task["written"])


def task_line(name: str, task: dict[str, Any]) -> str:
    """Return the counts of a task as a row of the table."""
    dropped = sum(task["dropped"].values())
    return (
        f"| {code_span(name)} | {escape_markdown(task['category'])} "
        f"| {task['train']:,} | {task['held_out']:,} "
        f"| {task['rows_read']:,} | {dropped:,} | {task['over_cap']:,} |"
    )


def official_split_lines(manifest: dict[str, Any]) -> list[str]:
    """Return which official splits of the releases are in training, and which are held out."""
    splits = manifest.get("official_splits", {})
    if not splits:
        return []
    sides = ("train", "held_out")
    names = [*get_args(OfficialSplit), "none"]
    return [
        "## Official splits",
        "",
        "The number of instances for training + held out, by the split that the release itself "
        "puts their rows in.",
        "",
        f"| dataset | {' | '.join(names)} |",
        f"| --- |{' ---: |' * len(names)}",
        *(
            f"| {code_span(dataset)} | "
            + " | ".join(
                " + ".join(f"{counts.get(name, {}).get(side, 0):,}" for side in sides)
                if name in counts
                else ""
                for name in names
            )
            + " |"
            for dataset, counts in splits.items()
        ),
        "",
    ]


def source_lines(name: str, dataset: dict[str, Any]) -> Iterator[str]:
    """Yield license, citation and homepage of a dataset."""
    yield f"### {escape_markdown(dataset.get('title', name))}"
    yield ""
    license = f"{dataset.get('license', 'unknown')}. {dataset.get('terms', '')}".rstrip(" .")
    yield f"- license: {escape_markdown(license)}."
    if dataset.get("citation"):
        yield f"- cite: {escape_markdown(dataset['citation'])}"
    if homepage := dataset.get("homepage"):
        yield f"- home: {f'<{homepage}>' if web_link(homepage) else code_span(homepage)}"
    for directory, files in dataset.get("unread_directories", {}).items():
        yield f"- not read: {code_span(directory)} ({files:,} files)"
    yield ""


def write_contact_sheet(out: Path, manifest: dict[str, Any]) -> None:
    """Draw one image of each task; if there are too many tasks, of evenly spaced ones."""
    tasks = [task for task, entry in manifest["tasks"].items() if has_instances(entry)]
    tasks = tasks[:: math.ceil(len(tasks) / MAX_CELLS) or 1]
    index = ImageIndex(out / "images.index")
    cells = [(task, image) for task in tasks if (image := first_image(out, index, task))]
    num_rows = math.ceil(len(cells) / COLUMNS)
    size = (min(len(cells), COLUMNS) * CELL or CELL, num_rows * (CELL + CAPTION) or CELL)
    sheet = Image.new("RGB", size, "white")
    for number, (task, image) in enumerate(cells):
        x, y = number % COLUMNS * CELL, number // COLUMNS * (CELL + CAPTION)
        image.thumbnail((CELL - 8, CELL - 8))
        sheet.paste(image, (x + (CELL - image.width) // 2, y + (CELL - image.height) // 2))
        caption = "\n".join(wrap(task.replace("/", "/ "), CELL // 6))
        ImageDraw.Draw(sheet).text((x + 4, y + CELL), caption, fill="black")
    with atomic_path(out / CONTACT_SHEET) as temporary:
        sheet.save(temporary, "JPEG", quality=85)


def first_image(out: Path, index: ImageIndex, task: str) -> Image.Image | None:
    """Return the first image of a task's first instance, or None if it has no image."""
    path = out / "instances" / f"{task.replace('/', '.')}.parquet"
    with pq.ParquetFile(path) as file:
        images = next(file.iter_batches(1, columns=["images"]))["images"][0].as_py()
    if not images:
        return None
    location = index.locate(images[0])
    with (out / "images" / location.shard).open("rb") as shard:
        shard.seek(location.offset)
        return decode_image(shard.read(location.length))
