"""Export a build directory to the format of another tool."""

import shutil
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from visionflan import formats
from visionflan.atomic_write import is_new, new_directory, write_text
from visionflan.builder.contact_sheet import CONTACT_SHEET
from visionflan.builder.dataset_card import front_matter, render_card
from visionflan.errors import BuildError
from visionflan.formats.base import Format
from visionflan.formats.shared.json_files import JsonLines
from visionflan.formats.shared.task_names import TaskNames
from visionflan.image_files import SUFFIXES
from visionflan.progress import ProgressBar
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split


def export(build: BuildDirectory, out: Path, format_name: str, tasks: Collection[str] = ()) -> int:
    """Write the instances of each split into a new directory and return their number.

    The directory appears under its name only when it is complete.
    """
    output_format = formats.load(format_name)
    if output_format.write is None:
        raise BuildError(f"the format {format_name} can only be imported: choose another --format")
    if unknown := sorted(set(tasks) - set(build.tasks)):
        raise BuildError(f"{build.path} has no instances of {', '.join(unknown)}")
    if not is_new(out):
        raise BuildError(f"{out} is not empty: choose a new directory")
    count = 0
    with new_directory(out, last="README.md") as directory:
        splits: list[Split] = []
        for split in get_args(Split):
            instances = build.instances(split, list(tasks) or None)
            if len(instances):
                splits.append(split)
                count += len(instances)
                output_format.write(build, instances, directory, split)
        if not count:
            raise BuildError(f"{build.path} has no instances to export")
        card = exported_card(build, output_format, directory, splits)
        write_text(directory / "README.md", card)
        shutil.copy(build.path / CONTACT_SHEET, directory / CONTACT_SHEET)
    return count


def image_file_name(build: BuildDirectory, image_id: str) -> str:
    """Return the content hash of an image with the suffix of its file type."""
    return image_id + SUFFIXES[build.image_header(image_id)[2]][0]


def exported_task(build: BuildDirectory, instance: Instance) -> str:
    """Return the name of an instance's task: the official one if an import finds it by that."""
    return readable_name(build.tasks[instance.task].official_name, instance.task)


@lru_cache(maxsize=10_000)
def readable_name(official: str, task: str) -> str:
    """Return the official name of a task, or its id where the name leads to another id, or none."""
    return official if official and TaskNames("").new_id(official) == task else task


def write_images(build: BuildDirectory, instance: Instance, directory: Path) -> None:
    """Write the images of an instance into a directory, unless they are there."""
    directory.mkdir(exist_ok=True)
    for image_id in instance.images:
        path = directory / image_file_name(build, image_id)
        if not path.exists():
            path.write_bytes(build.image(image_id))


def with_progress(instances: Instances, split: str) -> Iterable[Instance]:
    """Iterate over instances with a progress bar."""
    progress = ProgressBar(f"exporting {split}", len(instances), unit="instances")
    return progress.iterate(instances)


def write_json_lines(
    build: BuildDirectory,
    instances: Instances,
    directory: Path,
    split: Split,
    to_record: Callable[[BuildDirectory, Instance], dict[str, Any]],
) -> None:
    """Write `<split>.jsonl` with a record for each instance, and the images next to it."""
    lines = JsonLines(directory / f"{split}.jsonl")
    for instance in with_progress(instances, split):
        write_images(build, instance, directory / "images")
        lines.add(to_record(build, instance))
    lines.close()


def exported_card(
    build: BuildDirectory, output_format: Format, directory: Path, splits: list[Split]
) -> str:
    """Return the build's dataset card with the files of this format."""
    patterns = {"default": output_format.files, **output_format.more_files}
    configs: dict[str, dict[str, str]] = {}
    for name, pattern in patterns.items():
        files: dict[str, str] = {split: pattern.format(split=split) for split in splits}
        present = {split: file for split, file in files.items() if any(directory.glob(file))}
        if present:
            configs[name] = present
    build_card = render_card(build.manifest)
    head = "\n".join(front_matter(build.manifest["totals"]["instances"], configs))
    body = build_card[build_card.index("\n# ") + 1 : build_card.index("## Files")]
    names = ", ".join(f"`{name}`" for files in configs.values() for name in files.values())
    return f"{head}\n{body}## Files\n\n{names}, exported from the build named above.\n"
