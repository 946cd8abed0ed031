"""Write the dataset card of a build: its contents, its settings, and its sources."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from visionflan.atomic_write import write_text
from visionflan.builder.contact_sheet import CONTACT_SHEET, write_contact_sheet
from visionflan.builder.summary import broken_rows
from visionflan.escaping import code_span, escape_markdown, web_link
from visionflan.plural import counted
from visionflan.storage.image_shards import ReadShard
from visionflan.vocabulary import OfficialSplit

BUILD_FILES = [
    "- config_name: instances",
    "  default: true",
    "  data_files:",
    "  - {split: train_and_held_out, path: 'instances/*.parquet'}",
    "- config_name: images",
    "  data_files:",
    "  - {split: images, path: 'images/*.parquet'}",
]

# The columns of the table of tasks, and their names in the manifest.
COUNTS = {
    "train": "train",
    "held out": "held_out",
    "rows read": "rows_read",
    "not applicable": "not_applicable",
    "dropped": "dropped",
    "over maximum": "over_cap",
}
# Of a dataset that a model wrote: the datasets whose images and labels it has, by their license.
SOURCE_LICENSES = "source_licenses"


def write_card(out: Path, manifest: dict[str, Any], read_shard: ReadShard) -> None:
    """Write README.md and the contact sheet."""
    write_contact_sheet(out, manifest, read_shard)
    write_text(out / "README.md", render_card(manifest))


def render_card(manifest: dict[str, Any]) -> str:
    """Return the card as Markdown with the YAML header that the Hugging Face Hub reads."""
    totals, about = manifest["totals"], manifest["about"]
    datasets = manifest["datasets"].items()
    built = {name: dataset for name, dataset in datasets if dataset["status"] == "built"}
    num_tasks = sum(bool(task["written"]) for task in manifest["tasks"].values())
    return "\n".join(
        [
            *front_matter(totals["instances"]),
            f"# {escape_markdown(about.get('title', 'A visual instruction tuning set'))}",
            "",
            totals_line(totals, num_tasks),
            f"Digest `{manifest['digest']}`.",
            "",
            f"![the images of one instance of each task]({CONTACT_SHEET})",
            "",
            "## Tasks",
            "",
            f"| task | category | {' | '.join(COUNTS)} |",
            f"| --- | --- |{' ---: |' * len(COUNTS)}",
            *map(task_line, manifest["tasks"], manifest["tasks"].values()),
            "",
            *broken_lines(manifest),
            "Rows that are *not applicable* are not of the task, *dropped* ones cannot be used "
            "(`ledger.parquet` has the reason of each), and those *over maximum* are beyond the "
            "maximum per task.",
            "",
            *official_split_lines(manifest),
            *decontamination_lines(about),
            *setting_lines(manifest),
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


def totals_line(totals: dict[str, int], num_tasks: int) -> str:
    """Return how much there is in the build."""
    return (
        f"{counted(totals['instances'], 'instance')} of {counted(num_tasks, 'task')} over "
        f"{counted(totals['images'], 'distinct image')} ({totals['image_bytes'] / 1e6:,.1f} MB): "
        f"{totals['train']:,} for training, {totals['held_out']:,} held out by image."
    )


def task_line(name: str, task: dict[str, Any]) -> str:
    """Return the counts of a task as a row of the table."""
    counts = {**task, "dropped": sum(task["dropped"].values())}
    numbers = " | ".join(f"{counts[field]:,}" for field in COUNTS.values())
    return f"| {code_span(name)} | {escape_markdown(task['category'])} | {numbers} |"


def broken_lines(manifest: dict[str, Any]) -> list[str]:
    """Return how many rows of each dataset were dropped before they were of a task."""
    rows = [
        f"{counted(count, 'row')} ({code_span(name)} in the ledger)"
        for name, count in broken_rows(manifest).items()
    ]
    return [f"Also dropped, and counted in no task: {', '.join(rows)}.", ""] if rows else []


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


def decontamination_lines(about: dict[str, Any]) -> list[str]:
    """Return what the build was compared with, and how many instances overlap with it."""
    if (decontamination := about.get("decontamination")) is None:
        return []
    action = "were only reported" if decontamination["report_only"] else "were removed"
    overlaps = decontamination["overlaps"]
    return [
        "## Decontamination",
        "",
        f"Training instances that overlap with one of these {action}; held-out ones were kept.",
        "",
        "| benchmark or folder | digest | overlapping instances |",
        "| --- | --- | ---: |",
        *(
            f"| {code_span(one['name'])} | `{one['digest']}` | "
            f"{sum(overlaps.get(one['name'], {}).values()):,} |"
            for one in decontamination["against"]
        ),
        "",
        *descriptor_lines(decontamination.get("descriptor")),
    ]


def descriptor_lines(descriptor: dict[str, Any] | None) -> list[str]:
    """Return by which copy-detection model images were compared, if by any."""
    if descriptor is None:
        return []
    model = f"`{descriptor['digest']}`, from a cosine of {descriptor['threshold']}"
    return [f"Images were also compared by the model with the sha256 {model}.", ""]


def setting_lines(manifest: dict[str, Any]) -> list[str]:
    """Return the settings of the build, by their names in the manifest, and its versions."""
    settings = manifest["about"].get("settings", {})
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    return [
        "## Settings",
        "",
        "| setting | value |",
        "| --- | --- |",
        *(
            f"| {code_span(name)} | {setting_text(name, value)} |"
            for name, value in settings.items()
        ),
        f"| versions | {escape_markdown(versions)} |",
        "",
    ]


def setting_text(name: str, value: object) -> str:
    """Return the value of a setting as a cell of the table."""
    if isinstance(value, list):
        nothing = "all" if name == "tasks" else "none"
        return ", ".join(code_span(str(part)) for part in value) or nothing
    if isinstance(value, bool):
        return "yes" if value else "no"
    return code_span(f"{value:,}" if isinstance(value, int) else str(value))


def source_lines(name: str, dataset: dict[str, Any]) -> Iterator[str]:
    """Yield license, citation and homepage of a dataset."""
    yield f"### {escape_markdown(dataset.get('title', name))}"
    yield ""
    license = f"{dataset.get('license', 'unknown')}. {dataset.get('terms', '')}".rstrip(" .")
    yield f"- license: {escape_markdown(license)}."
    if SOURCE_LICENSES in dataset:
        sources = [f"{one} ({', '.join(of)})" for one, of in dataset[SOURCE_LICENSES].items()]
        yield f"- images and labels: {escape_markdown('; '.join(sources) or 'as the sources')}."
    if dataset.get("citation"):
        yield f"- cite: {escape_markdown(dataset['citation'])}"
    if homepage := dataset.get("homepage"):
        yield f"- home: {f'<{homepage}>' if web_link(homepage) else code_span(homepage)}"
    for directory, files in dataset.get("unread_directories", {}).items():
        yield f"- not read: {code_span(directory)} ({counted(files, 'file')})"
    yield ""


def add_licenses(
    licenses: dict[str, list[str]], others: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Add other names of datasets to those of each license, and return them all."""
    for license, names in others.items():
        licenses[license] = sorted({*licenses.get(license, ()), *names})
    return licenses
