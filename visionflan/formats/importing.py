"""Import a published release into a build directory, record by record."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from visionflan import catalog, formats
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_workers import ImageCheckPool, ImageFault
from visionflan.builder.plan import task_info
from visionflan.builder.sampling import escape_surrogates, find_file_fault
from visionflan.builder.split import HoldOutConfig
from visionflan.dataset import BrokenRow
from visionflan.errors import BuildError, UnusableError
from visionflan.formats.base import ConversationRecord, InstructionRelease
from visionflan.layouts import inside
from visionflan.prompt import ParsedExchange, parse
from visionflan.storage.instance import Instance
from visionflan.storage.schema import LedgerEntry, TaskInfo

BATCH_SIZE = 2_000  # records whose images are checked together
CLOSED_METRIC = "exact_match"  # for answers that are one of the options
OPEN_METRIC = "rouge_l"  # for all other answers, whose task is unknown


class ImportedRecord(NamedTuple):
    """A conversation with the task id and the key assigned to it."""

    task: str
    key: str
    conversation: ConversationRecord
    images: tuple[Path, ...]


def find_release(
    path: Path, images: Path | None = None, format_name: str = "llava"
) -> InstructionRelease:
    """Find the annotation file and the image directory of a release in some format."""
    input_format = formats.load(format_name)
    if input_format.read is None:
        raise BuildError(f"the format {format_name} can only be exported: choose another --format")
    return input_format.read(path, images)


def import_release(
    release: InstructionRelease,
    out: Path,
    *,
    name: str,
    hold_out: HoldOutConfig | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Write a build directory from a published release and return its manifest."""
    description = {
        "name": name,
        "title": f"Imported from {release.annotations.name}",
        "license": "that of the release",
        "settings": {"imported": release.annotations.name},
    }
    with (
        ImageCheckPool(workers) as checker,
        DirectoryWriter(out, description, hold_out=hold_out) as writer,
        tqdm(desc=f"{name}: importing", unit=" records", disable=None, leave=False) as bar,
    ):
        importer = ReleaseImporter(release, name, writer, ImageCheckCache(checker), bar.update)
        records = importer.records()
        while batch := list(islice(records, BATCH_SIZE)):
            importer.add(batch)
        importer.write_tasks()
    return writer.manifest


class ReleaseImporter:
    """Assigns task ids and keys to the records of a release, and writes them to a build."""

    def __init__(
        self,
        release: InstructionRelease,
        name: str,
        writer: DirectoryWriter,
        image_checks: ImageCheckCache,
        progress: Callable[[], object],
    ) -> None:
        self.release, self.name, self.writer = release, name, writer
        self.image_checks, self.progress = image_checks, progress
        self.tasks = TaskNames(name)
        self.occurrences: Counter[str] = Counter()
        self.fingerprints: set[bytes] = set()
        self.metrics: dict[str, str] = {}

    def records(self) -> Iterator[ImportedRecord]:
        """Yield the usable records; the others go to the ledger."""
        for entry in self.release.conversations():
            self.progress()
            if isinstance(entry, BrokenRow):
                error = UnusableError(entry.reason, entry.detail)
                self.record_dropped(f"{self.name}/*", entry.key, error)
                continue
            task = self.tasks.id(entry.task)
            images = tuple(inside(self.release.images, image) for image in entry.images)
            yield ImportedRecord(task, self.key(task, entry), entry, images)

    def key(self, task: str, conversation: ConversationRecord) -> str:
        """Return the image names of a record, numbered from their second use on."""
        key = "+".join(conversation.images) or "text"
        self.occurrences[f"{task}/{key}"] += 1
        count = self.occurrences[f"{task}/{key}"]
        return key if count == 1 else f"{key}#{count}"

    def add(self, batch: list[ImportedRecord]) -> None:
        """Check the images of some records and write the usable ones."""
        existing = []
        for record in batch:
            try:
                for path in record.images:
                    if problem := find_file_fault(str(path), str(self.release.images)):
                        raise UnusableError(*problem)
            except UnusableError as error:
                self.record_dropped(record.task, record.key, error, record.conversation.images)
            else:
                existing.append((record, record.images))
        for record in self.image_checks.iter_checked(existing, self.writer.image_store):
            try:
                self.write(record)
            except UnusableError as error:
                self.record_dropped(record.task, record.key, error, record.conversation.images)

    def write(self, record: ImportedRecord) -> None:
        """Write one instance, and its images that are not stored yet."""
        image_ids, notes = [], []
        for path, name in zip(record.images, record.conversation.images, strict=True):
            known = self.image_checks.outcomes[str(path)]
            if isinstance(known, ImageFault):
                raise UnusableError(*known)
            image_ids.append(known.id)
            notes += [(*note, escape_surrogates(name)) for note in known.notes(path.name)]
        turns = (turn.text for turn in record.conversation.turns)
        content = "\x1f".join([record.task, *image_ids, *turns])
        digest = blake2b(content.encode(), digest_size=16).digest()
        if digest in self.fingerprints:
            raise UnusableError("duplicate", "another record has the same images and text")
        for path, image_id in zip(record.images, image_ids, strict=True):
            if image_id not in self.writer.image_store.ids:
                valid = self.image_checks.get_valid(path, image_id)
                self.writer.add_valid_image(valid)
        self.fingerprints.add(digest)
        self.writer.add_instance(self.make_instance(record, tuple(image_ids)))
        for note in notes:
            self.writer.record_note(record.task, escape_surrogates(record.key), *note)

    def make_instance(self, record: ImportedRecord, images: tuple[str, ...]) -> Instance:
        """Make an instance; options are parsed only where the prompt lists them unambiguously."""
        turns = record.conversation.turns
        parts = parse(turns[0].text, turns[1].text) if len(turns) == 2 else None
        known = parts if parts and parts.options else ParsedExchange("", "", (), turns[1].text)
        info = self.tasks.known.get(record.task)
        metric = info.metric if info else CLOSED_METRIC if known.options else OPEN_METRIC
        self.metrics.setdefault(record.task, metric)
        return Instance(
            id=f"{record.task}/{record.key}",
            dataset=record.task.partition("/")[0],
            task=record.task,
            split="train",
            key=record.key,
            images=images,
            turns=turns,
            instruction=known.instruction,
            text=known.text,
            options=known.options,
            target=known.target,
            references=(known.target,),
            metric=metric,
            synthetic=False,
        )

    def write_tasks(self) -> None:
        """Write the metadata of each task: the catalog's, or what its name says."""
        for official, task in self.tasks.ids.items():
            self.writer.add_task(
                task, self.tasks.known.get(task) or self.infer_task_info(official, task)
            )

    def infer_task_info(self, official: str, task: str) -> TaskInfo:
        """Return the metadata of a task that the catalog does not have, from its name alone."""
        dataset, _, name = task.partition("/")
        return TaskInfo(
            dataset=dataset,
            official_name=official,
            title=name.replace("_", " ").capitalize(),
            instruction="",
            category="",
            group="",
            metric=self.metrics.get(task, OPEN_METRIC),
        )

    def record_dropped(
        self, task: str, key: str, error: UnusableError, images: tuple[str, ...] = ()
    ) -> None:
        """Write a dropped record to the ledger."""
        names, detail = escape_surrogates("+".join(images)), escape_surrogates(error.detail)
        self.writer.record_dropped(
            LedgerEntry(task, escape_surrogates(key), "dropped", error.reason, detail, names)
        )


class TaskNames:
    """Maps official task names of a release to task ids: the catalog's, or derived ones."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.ids: dict[str, str] = {}
        self.known: dict[str, TaskInfo] = {}
        self.official = {
            task.official_name: (name, task.name)
            for name in catalog.names()
            for task in catalog.load(name).tasks.values()
        }

    def id(self, official: str) -> str:
        """Return the id of a task."""
        if official not in self.ids:
            self.ids[official] = self.name(official)
        return self.ids[official]

    def name(self, official: str) -> str:
        """Make a task id that no earlier task has."""
        if official in self.official:
            dataset, task = self.official[official]
            name = f"{dataset}/{task}"
            self.known[name] = task_info(dataset, catalog.load(dataset), task)
            return name
        dataset, plus, task = official.partition("+")
        base_name = f"{slug(dataset)}/{slug(task)}" if plus else f"{self.release}/{slug(official)}"
        name, number = base_name, 1
        while name in self.ids.values():
            number += 1
            name = f"{base_name}_{number}"
        return name


def slug(text: str) -> str:
    """Reduce a text to lower-case letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "conversation"
