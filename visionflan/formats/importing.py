"""Import a published release into a build directory, record by record."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from visionflan import formats
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_workers import ImageFault
from visionflan.builder.plan import is_evaluation_only
from visionflan.builder.sampling import escape_surrogates, find_file_fault
from visionflan.builder.split import HoldOutConfig
from visionflan.dataset import BrokenRow
from visionflan.errors import BuildError, UnusableError
from visionflan.formats.base import (
    ConversationRecord,
    Format,
    InstructionRelease,
    SeededRelease,
)
from visionflan.formats.shared.annotation_files import resolve
from visionflan.formats.shared.dropped_records import DroppedRecords
from visionflan.formats.shared.exchange import first_exchange
from visionflan.formats.shared.image_names import image_error
from visionflan.formats.shared.recognition import recognize
from visionflan.formats.shared.task_names import TaskNames, slug
from visionflan.image_sources import ImageSource, containing_file, describe_source
from visionflan.progress import ProgressBar
from visionflan.storage.instance import WRITTEN_BY, Instance
from visionflan.storage.schema import LedgerEntry, TaskInfo

BATCH_SIZE = 2_000  # records whose images are checked together
CLOSED_METRIC = "exact_match"  # for answers that are one of the options
OPEN_METRIC = "rouge_l"  # for all other answers, whose task is unknown


class ImportedRecord(NamedTuple):
    """A conversation with the task id and the key assigned to it."""

    task: str
    key: str
    conversation: ConversationRecord

    @property
    def sources(self) -> tuple[ImageSource, ...]:
        """Return the sources of its images."""
        return tuple(image.source for image in self.conversation.images)


def find_release(
    path: Path, images: Path | None = None, format_name: str = ""
) -> InstructionRelease:
    """Find the annotations and the images of a release; without a format it is recognized."""
    return read_format(formats.load(format_name) if format_name else recognize(path), path, images)


def read_format(input_format: Format, path: Path, images: Path | None = None) -> InstructionRelease:
    """Find the annotations and the images of a release in a format."""
    if input_format.read is None:
        name = input_format.name
        raise BuildError(f"the format {name} can only be exported: choose another --format")
    return input_format.read(path, images)


def release_name(path: Path, name: str | None = None) -> str:
    """Return the dataset name of tasks that name none: the one requested, or that of the path."""
    return slug(name or resolve(path).name.partition(".")[0])


def import_release(
    release: InstructionRelease,
    out: Path,
    *,
    name: str,
    hold_out: HoldOutConfig | None = None,
    include_sensitive: bool = False,
    workers: int = 1,
) -> dict[str, Any]:
    """Write a build directory from a published release and return its manifest.

    Raises BuildError with the causes if no record can be imported; nothing is written then.
    """
    seeded = release if isinstance(release, SeededRelease) else hold_out
    description = {
        "name": name,
        "title": f"Imported from {release.annotations.name}",
        "license": "that of the release",
        "settings": {
            "imported": release.annotations.name,
            "include_sensitive": include_sensitive,
            "hold_out_images": hold_out.image_fraction if hold_out else 0.0,
            **({"seed": seeded.seed} if seeded else {}),
        },
    }
    with (
        ImageCheckPool(workers) as checker,
        DirectoryWriter(out, description, hold_out=hold_out) as writer,
        ProgressBar(f"{name}: importing", unit="records") as progress,
    ):
        importer = ReleaseImporter(
            release=release,
            name=name,
            writer=writer,
            image_checks=ImageCheckCache(checker),
            progress=progress.update,
            include_sensitive=include_sensitive,
        )
        importer.run()
    return writer.manifest


@dataclass(kw_only=True)
class ReleaseImporter:
    """Assigns task ids and keys to the records of a release, and writes them to a build."""

    release: InstructionRelease
    name: str
    writer: DirectoryWriter
    image_checks: ImageCheckCache
    progress: Callable[[], object]
    include_sensitive: bool
    num_records: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    fingerprints: set[bytes] = field(default_factory=set)
    metrics: dict[str, str] = field(default_factory=dict)
    excluded_tasks: dict[str, str] = field(default_factory=dict)
    dropped: DroppedRecords = field(default_factory=DroppedRecords)

    def __post_init__(self) -> None:
        self.tasks = TaskNames(self.name)

    def run(self) -> None:
        """Write all usable records, and the metadata of their tasks."""
        records = self.records()
        while batch := list(islice(records, BATCH_SIZE)):
            self.add(batch)
        if self.num_records == self.dropped.count:
            raise BuildError(f"{self.release.annotations}: {self.dropped.describe()}")
        self.write_tasks()

    def records(self) -> Iterator[ImportedRecord]:
        """Yield the usable records; the others go to the ledger."""
        for entry in self.release.conversations():
            self.num_records += 1
            self.progress()
            if isinstance(entry, BrokenRow):
                error = UnusableError(entry.reason, entry.detail)
                self.record_dropped(f"{self.name}/*", entry.key, error)
                continue
            if entry.split != "train" and self.writer.hold_out is not None:
                raise BuildError(
                    f"{self.release.annotations} names its held-out records itself: leave out "
                    "--hold-out-images"
                )
            task = self.tasks.id(entry.task)
            record = ImportedRecord(task, self.key(task, entry), entry)
            try:
                self.check_allowed(task, entry)
            except UnusableError as error:
                self.record_dropped(f"{self.name}/*", f"{task}/{record.key}", error)
            else:
                yield record

    def check_allowed(self, task: str, entry: ConversationRecord) -> None:
        """Raise UnusableError for a task about a person, or one that must not be trained on."""
        info = self.tasks.known.get(task)
        if info and info.sensitive and not self.include_sensitive:
            self.excluded_tasks[task] = "sensitive: it asks about a person"
            detail = f"{task} asks about a person: --include-sensitive imports it"
            raise UnusableError("sensitive_task", detail)
        if info and entry.split == "train" and is_evaluation_only(info.dataset):
            self.excluded_tasks[task] = "its license forbids training"
            raise UnusableError(
                "evaluation_only", f"the license of {info.dataset} forbids training"
            )

    def key(self, task: str, conversation: ConversationRecord) -> str:
        """Return a key that no other record of the task has.

        It is the one in the id of a record that was exported from a build; otherwise the names of
        the images, numbered from their second use on.
        """
        prefix, names = f"{task}/", [image.name for image in conversation.images]
        exported = conversation.id.removeprefix(prefix)
        base = exported if 0 < len(exported) < len(conversation.id) else "+".join(names) or "text"
        key = base
        while prefix + key in self.keys:
            self.keys[prefix + base] += 1
            key = f"{base}#{self.keys[prefix + base]}"
        self.keys[prefix + key] += 1
        return key

    def add(self, batch: list[ImportedRecord]) -> None:
        """Check the images of some records and write the usable ones."""
        existing = []
        for record in batch:
            try:
                self.check_files(record)
            except UnusableError as error:
                self.record_unusable(record, error)
            else:
                existing.append((record, record.sources))
        for record in self.image_checks.iter_checked(existing):
            try:
                self.write(record)
            except UnusableError as error:
                self.record_unusable(record, error)

    def check_files(self, record: ImportedRecord) -> None:
        """Raise UnusableError if an image is not in the directory of the release's images."""
        for source in record.sources:
            file = str(containing_file(source))
            if problem := find_file_fault(file, str(self.release.images)):
                raise UnusableError(*problem)

    def write(self, record: ImportedRecord) -> None:
        """Write one instance, and its images that are not stored yet."""
        image_ids, notes = [], [(*note, "") for note in record.conversation.notes]
        for image in record.conversation.images:
            known = self.image_checks.outcomes[describe_source(image.source)]
            if isinstance(known, ImageFault):
                raise image_error(image.name, *known)
            image_ids.append(known.id)
            notes += [(*note, escape_surrogates(image.name)) for note in known.notes(image.name)]
        turns = (turn.text for turn in record.conversation.turns)
        content = "\x1f".join([record.task, *image_ids, *turns])
        digest = blake2b(content.encode(), digest_size=16).digest()
        if digest in self.fingerprints:
            raise UnusableError("duplicate", "another record has the same images and text")
        for source, image_id in zip(record.sources, image_ids, strict=True):
            if image_id not in self.writer.image_store.ids:
                self.writer.add_valid_image(self.image_checks.get_valid(source, image_id))
        self.fingerprints.add(digest)
        self.writer.add_instance(self.make_instance(record, tuple(image_ids)))
        for note in notes:
            self.writer.record_note(record.task, escape_surrogates(record.key), *note)

    def make_instance(self, record: ImportedRecord, images: tuple[str, ...]) -> Instance:
        """Make an instance with the options that the release or the prompt lists."""
        turns = record.conversation.turns
        known = first_exchange(record.conversation)
        info = self.tasks.known.get(record.task)
        metric = info.metric if info else CLOSED_METRIC if known.options else OPEN_METRIC
        self.metrics.setdefault(record.task, metric)
        return Instance(
            id=f"{record.task}/{record.key}",
            dataset=record.task.partition("/")[0],
            task=record.task,
            split=record.conversation.split,
            key=record.key,
            images=images,
            turns=turns,
            instruction=known.instruction,
            text=known.text,
            options=known.options,
            target=known.target,
            references=(known.target,),
            metric=metric,
            synthetic=record.task.startswith(WRITTEN_BY),
        )

    def write_tasks(self) -> None:
        """Write the metadata of each task: the catalog's, or what its name says."""
        self.writer.info["excluded_tasks"] = self.excluded_tasks
        for official, task in self.tasks.ids.items():
            if task not in self.excluded_tasks:
                info = self.tasks.known.get(task) or self.infer_task_info(official, task)
                self.writer.add_task(task, info)

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

    def record_unusable(self, record: ImportedRecord, error: UnusableError) -> None:
        """Write a record that was parsed and then dropped to the ledger."""
        names = "+".join(image.name for image in record.conversation.images)
        self.record_dropped(record.task, record.key, error, names)

    def record_dropped(self, task: str, key: str, error: UnusableError, file: str = "") -> None:
        """Write a dropped record to the ledger, without the path of the release."""
        path = self.release.annotations
        detail = error.detail.replace(f"{path if path.is_dir() else path.parent}/", "")
        self.dropped.add(error.reason, f"{key}: {detail}")
        key, detail, file = map(escape_surrogates, (key, detail, file))
        self.writer.record_dropped(LedgerEntry(task, key, "dropped", error.reason, detail, file))
