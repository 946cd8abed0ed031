"""Check a published release of conversations: its rows, its images, and which known set it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.sampling import other_form
from visionflan.dataset import IMAGE_MARKER, BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.shared.annotation_files import find_annotations, find_images, locate
from visionflan.formats.shared.image_names import image_names
from visionflan.formats.shared.json_records import json_records
from visionflan.plural import counted
from visionflan.progress import ProgressBar
from visionflan.verify.damage import DamageList
from visionflan.verify.known_sets import ID_PREFIXES, VISION_FLAN, describe_set

ROLES = ("human", "gpt")


@dataclass
class VerifiedRelease:
    """What was counted in an annotation file, and what is wrong with it.

    Attributes:
        file: the annotation file.
        images: the directory of its images; None if none was found.
        rows: the number of records.
        tasks: the number of rows by task; those that name none have the empty name.
        image_rows: the first row of each image name.
        prefixes: the number of rows by family of ids, see `known_sets`.
        repeated_ids: the number of rows whose id an earlier row has.
        damages: what is wrong.
    """

    file: Path
    images: Path | None = None
    rows: int = 0
    tasks: Counter[str] = field(default_factory=Counter)
    image_rows: dict[str, int] = field(default_factory=dict)
    prefixes: Counter[str] = field(default_factory=Counter)
    repeated_ids: int = 0
    damages: DamageList = field(default_factory=DamageList)

    @property
    def num_tasks(self) -> int:
        """Return the number of tasks that rows name."""
        return len(self.tasks.keys() - {""})

    @property
    def known_set(self) -> str:
        """Return which published set this is, or how it differs from the nearest one."""
        family, count = next(iter(self.prefixes.most_common(1)), ("", 0))
        is_known = count * 2 > self.rows
        return describe_set(family if is_known else "", self.rows, self.num_tasks)


def verify_release(path: Path, images: Path | None = None) -> list[VerifiedRelease]:
    """Check the annotation file of a release, or the files of an export, and their images.

    Raises ReleaseError if there is no such file.
    """
    files = find_annotations(path, "JSON records with `conversations`", has_conversations)
    return [verify_file(file, images) for file in files]


def has_conversations(records: list[dict[str, Any]]) -> bool:
    """Return whether one of the first records has the field that these releases have."""
    return any("conversations" in record for record in records)


def verify_file(file: Path, images: Path | None) -> VerifiedRelease:
    """Check one annotation file."""
    report = VerifiedRelease(file)
    ids: set[str] = set()
    tasks = (task for _, dataset in catalog.load_all() for task in dataset.tasks.values())
    official = {task.official_name for task in tasks}
    with ProgressBar(f"reading {file.name}", unit="rows") as progress:
        for record in progress.iterate(json_records(file)):
            report.rows += 1
            check_record(report, record, official, ids)
    check_images(report, images)
    return report


def check_record(
    report: VerifiedRelease, record: Any | BrokenRow, official: set[str], ids: set[str]
) -> None:
    """Count one record, and note what is wrong with it."""
    if isinstance(record, BrokenRow):
        report.damages.add(report.file.name, f"row {report.rows}: {record.detail}")
        return
    if not isinstance(record, dict):
        report.damages.add(report.file.name, f"row {report.rows}: it is no object")
        return
    row_id = str(record.get("id", ""))
    report.repeated_ids += row_id in ids
    ids.add(row_id)
    task = task_name(record, row_id)
    report.tasks[task] += 1
    if family := family_of(row_id, task, official):
        report.prefixes[family] += 1
    try:
        names = image_names(record, "image", "images", objects=False)
    except UnusableError as error:
        report.damages.add(report.file.name, f"row {report.rows} ({row_id}): {error.detail}")
        return
    for name in names:
        report.image_rows.setdefault(name, report.rows)
    for problem in conversation_problems(record.get("conversations"), len(names)):
        report.damages.add(report.file.name, f"row {report.rows} ({row_id}): {problem}")


def task_name(record: dict[str, Any], row_id: str) -> str:
    """Return the task of a record: its `task_name`, or that in an id of Vision-Flan."""
    if isinstance(name := record.get("task_name"), str) and name:
        return name
    own = row_id.removeprefix(ID_PREFIXES[VISION_FLAN][0])
    parts = own.split("+")
    return "+".join(parts[:2]) if own != row_id and len(parts) > 2 else ""


def family_of(row_id: str, task: str, official: set[str]) -> str:
    """Return the family of sets that an id or a task belongs to; "" for another."""
    for family, prefixes in ID_PREFIXES.items():
        if row_id.startswith(prefixes):
            return family
    return VISION_FLAN if task in official else ""


def conversation_problems(turns: Any, num_images: int) -> Iterator[str]:
    """Yield what is wrong with the turns of a record."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        yield "`conversations` is not a list of turns"
        return
    values = [turn.get("value") for turn in turns]
    roles = [turn.get("from") for turn in turns]
    if not turns or len(turns) % 2 or roles != [*ROLES] * (len(turns) // 2):
        yield f"its turns are not pairs of human and gpt: {roles!r:.80}"
    if not all(isinstance(value, str) and value for value in values):
        yield "the text of a turn is empty or no text"
    markers = sum(value.count(IMAGE_MARKER) for value in values if isinstance(value, str))
    if markers != num_images:
        yield f"it has {markers} {IMAGE_MARKER} and {counted(num_images, 'image')}"


def check_images(report: VerifiedRelease, images: Path | None) -> None:
    """Note the images that do not exist, or whose file has another name."""
    if not report.image_rows:
        return
    try:
        report.images = images or find_images(report.file, report.image_rows)
    except ReleaseError as error:
        report.damages.add("images", str(error))
        return
    total = len(report.image_rows)
    with ProgressBar("looking for images", total, unit="images") as progress:
        for name, row in progress.iterate(report.image_rows.items()):
            path = locate(report.images, name)
            if path.is_file():
                continue
            if locate(report.images, escaped_name(name)).is_file():
                problem = "has a file with escaped letters: unpack it again with LC_ALL=C.UTF-8"
            elif form := other_form(str(path)):
                problem = f"is not in {report.images}: {form}"
            else:
                problem = f"is not in {report.images}"
            report.damages.add("images", f"{name!r:.200} of row {row} {problem}")


def escaped_name(name: str) -> str:
    """Return the name of the file that `unzip` writes where the locale is not UTF-8.

    Those who unpacked image_191-task_1k.zip report names such as `#U91d1`, where the annotations
    have the letters themselves.
    """
    return "".join(letter if letter.isascii() else f"#U{ord(letter):04x}" for letter in name)
