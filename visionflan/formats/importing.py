"""Take a published release into a build directory, record by record."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from visionflan import catalog
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_workers import ImageCheckPool, ImageFault
from visionflan.builder.plan import task_info
from visionflan.builder.sampling import escape_surrogates, find_file_fault
from visionflan.builder.split import HoldOutConfig
from visionflan.dataset import BrokenRow
from visionflan.errors import UnusableError
from visionflan.formats.llava import Conversation, InstructionRelease, conversation
from visionflan.layouts import inside
from visionflan.prompt import ParsedExchange, parse
from visionflan.storage.instance import Instance
from visionflan.storage.schema import LedgerEntry, TaskInfo

AT_ONCE = 2_000  # records whose pictures are checked together
LETTERED = "exact_match"  # the metric of answers that are one of some options
FREE = "rouge_l"  # the metric of other answers, of whose task nothing is known


class Record(NamedTuple):
    """A record with the task and the key that it is given."""

    task: str
    key: str
    told: Conversation
    pictures: tuple[Path, ...]


def import_release(
    release: InstructionRelease,
    out: Path,
    *,
    name: str,
    hold_out: HoldOutConfig | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Make a build directory of a published release, and give its manifest."""
    about = {
        "name": name,
        "title": f"Imported from {release.annotations.name}",
        "license": "that of the release",
        "settings": {"imported": release.annotations.name},
    }
    with (
        ImageCheckPool(workers) as checker,
        DirectoryWriter(out, about, hold_out=hold_out) as writer,
        tqdm(desc=f"{name}: importing", unit=" records", disable=None, leave=False) as bar,
    ):
        adoption = ReleaseImporter(release, name, writer, ImageCheckCache(checker), bar.update)
        records = adoption.records()
        while batch := list(islice(records, AT_ONCE)):
            adoption.add(batch)
        adoption.tell_tasks()
    return writer.manifest


class ReleaseImporter:
    """The names that a release's records are given, and where they go."""

    def __init__(
        self,
        release: InstructionRelease,
        name: str,
        writer: DirectoryWriter,
        pictures: ImageCheckCache,
        progress: Callable[[], object],
    ) -> None:
        self.release, self.name, self.writer = release, name, writer
        self.pictures, self.progress = pictures, progress
        self.tasks = TaskNames(name)
        self.occurrences: Counter[str] = Counter()
        self.asked: set[bytes] = set()
        self.metrics: dict[str, str] = {}

    def records(self) -> Iterator[Record]:
        """Read the records that can be used; the others go to the ledger."""
        for place, entry in enumerate(self.release.records(), start=1):
            self.progress()
            if isinstance(entry, BrokenRow):
                self.lose(f"{self.name}/*", entry.key, UnusableError(entry.reason, entry.detail))
                continue
            try:
                told = conversation(entry)
            except UnusableError as fault:
                named = entry.get("id", "") if isinstance(entry, dict) else ""
                self.lose(f"{self.name}/*", f"record {place}: {named}", fault)
                continue
            task = self.tasks.id(told.task)
            pictures = tuple(inside(self.release.images, image) for image in told.images)
            yield Record(task, self.key(task, told), told, pictures)

    def key(self, task: str, told: Conversation) -> str:
        """Name a record by its pictures, and by how many came before it with the same ones."""
        shown = "+".join(told.images) or "text"
        self.occurrences[f"{task}/{shown}"] += 1
        count = self.occurrences[f"{task}/{shown}"]
        return shown if count == 1 else f"{shown}#{count}"

    def add(self, batch: list[Record]) -> None:
        """Check the pictures of some records, and write those that are good."""
        present = []
        for record in batch:
            try:
                for picture in record.pictures:
                    if fault := find_file_fault(str(picture), str(self.release.images)):
                        raise UnusableError(*fault)
            except UnusableError as lost:
                self.lose(record.task, record.key, lost, record.told.images)
            else:
                present.append((record, record.pictures))
        for record in self.pictures.checked(present, self.writer.stored):
            try:
                self.write(record)
            except UnusableError as lost:
                self.lose(record.task, record.key, lost, record.told.images)

    def write(self, record: Record) -> None:
        """Write one instance, and its pictures where they are new."""
        images = []
        for picture in record.pictures:
            known = self.pictures.known[str(picture)]
            if isinstance(known, ImageFault):
                raise UnusableError(*known)
            images.append(known.id)
        said = "\x1f".join([record.task, *images, *(turn.text for turn in record.told.turns)])
        digest = blake2b(said.encode(), digest_size=16).digest()
        if digest in self.asked:
            raise UnusableError("duplicate", "another record says the same of the same pictures")
        for picture, image_id in zip(record.pictures, images, strict=True):
            if image_id not in self.writer.stored.ids:
                good = self.pictures.good(picture, image_id)
                self.writer.add_checked_image(good.image, good.encoded)
        self.asked.add(digest)
        self.writer.add_instance(self.instance(record, tuple(images)))

    def instance(self, record: Record, images: tuple[str, ...]) -> Instance:
        """Make an instance; its options are told where they are certain."""
        turns = record.told.turns
        parts = parse(turns[0].text, turns[1].text) if len(turns) == 2 else None
        known = parts if parts and parts.options else ParsedExchange("", "", (), turns[1].text)
        info = self.tasks.known.get(record.task)
        metric = info.metric if info else LETTERED if known.options else FREE
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

    def tell_tasks(self) -> None:
        """Tell what is known of each task, which is little where the catalog has none."""
        for official, task in self.tasks.ids.items():
            self.writer.add_task(task, self.tasks.known.get(task) or self.unknown(official, task))

    def unknown(self, official: str, task: str) -> TaskInfo:
        """Say of a task what its name says."""
        dataset, _, name = task.partition("/")
        return TaskInfo(
            dataset=dataset,
            official_name=official,
            title=name.replace("_", " ").capitalize(),
            instruction="",
            category="",
            group="",
            metric=self.metrics.get(task, FREE),
        )

    def lose(self, task: str, key: str, fault: UnusableError, images: tuple[str, ...] = ()) -> None:
        """Note a lost record."""
        shown, detail = escape_surrogates("+".join(images)), escape_surrogates(fault.detail)
        self.writer.record_dropped(
            LedgerEntry(task, escape_surrogates(key), "dropped", fault.reason, detail, shown)
        )


class TaskNames:
    """Our names for the tasks of a release: the catalog's, or made of the official ones."""

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
        """Give our name of a task."""
        if official not in self.ids:
            self.ids[official] = self.name(official)
        return self.ids[official]

    def name(self, official: str) -> str:
        """Name a task, unlike all before it."""
        if official in self.official:
            dataset, task = self.official[official]
            name = f"{dataset}/{task}"
            self.known[name] = task_info(dataset, catalog.load(dataset), task)
            return name
        dataset, plus, task = official.partition("+")
        first = f"{slug(dataset)}/{slug(task)}" if plus else f"{self.release}/{slug(official)}"
        name, number = first, 1
        while name in self.ids.values():
            number += 1
            name = f"{first}_{number}"
        return name


def slug(words: str) -> str:
    """Make a name of small letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "conversation"
