"""Write a build directory from existing instances."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from visionflan.builder.assemble import assemble
from visionflan.builder.image_store import ImageStore
from visionflan.builder.output_dir import lock_new_dir
from visionflan.builder.parts import (
    PARTS_DIR,
    DatasetPart,
    TaskCounts,
    instance_writer,
    ledger_writer,
)
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError
from visionflan.storage.image_checks import ValidImage, check_image
from visionflan.storage.instance import Instance
from visionflan.storage.schema import LedgerEntry, TaskInfo


class DirectoryWriter:
    """Collect images, instances, tasks and dropped rows; leaving the context writes the build.

    If the block raises, or the build cannot be assembled, nothing of it is left.
    `info` describes the build: `name` (used for its files), `title`, `license`, `citation`. With
    `hold_out` the split is decided by image as in any build; without it instances keep theirs.
    """

    def __init__(
        self, out: Path, info: dict[str, Any], *, hold_out: HoldOutConfig | None = None
    ) -> None:
        self.out, self.info, self.hold_out = Path(out), info, hold_out
        self.part = DatasetPart(str(info.get("name", "instances")), info)
        self.manifest: dict[str, Any] = {}
        self.instance_ids: set[str] = set()
        self.broken: Counter[str] = Counter()
        self.stack = ExitStack()

    @property
    def directory(self) -> Path:
        """Return the directory of the part until it is complete."""
        return self.out / PARTS_DIR / self.part.name

    def __enter__(self) -> Self:
        """Create the directory, deleting what an interrupted writer left."""
        with ExitStack() as stack:
            stack.enter_context(lock_new_dir(self.out))
            stack.push(self.assemble)  # after the files below are closed
            self.directory.mkdir(parents=True)
            self.image_store = ImageStore(self.out / "images", self.directory, self.part.name)
            self.instances = instance_writer(self.directory)
            self.ledger = ledger_writer(self.directory)
            for writer in (self.ledger, self.instances, self.image_store):
                stack.callback(writer.close)
            self.stack = stack.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files and assemble the build, unless the block raised."""
        self.stack.__exit__(error_type, error, trace)

    def assemble(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Check that every task has metadata and write the build, unless an error was raised."""
        if error_type is not None:
            return
        for task, counts in self.part.counts.items():
            if task not in self.part.tasks:
                raise BuildError(f"{self.out}: the task {task} has no metadata: call add_task")
            counts.rows_read = counts.written + sum(counts.dropped.values())
        self.manifest = assemble(
            self.out,
            [self.part],
            hold_out=self.hold_out,
            about=self.info,
            datasets={
                self.part.name: {"status": "built", "broken": dict(self.broken), **self.info}
            },
        )

    def add_image(self, encoded: bytes) -> str:
        """Store an image once and return its id; raise UnusableError if it does not decode.

        What is changed in it (see `storage.image_checks`) is noted in the ledger.
        """
        valid = check_image(encoded)
        is_new = valid.image.id not in self.image_store.ids
        for change in valid.changes if is_new else ():
            self.record_note(f"{self.part.name}/*", valid.image.id, *change)
        return self.add_valid_image(valid)

    def add_valid_image(self, valid: ValidImage) -> str:
        """Store an image that is already checked, once, and return its id."""
        if valid.image.id not in self.image_store.ids:
            self.image_store.add(valid.image, valid.encoded)
        return valid.image.id

    def add_instance(self, instance: Instance) -> None:
        """Add an instance with a new id, whose images are stored."""
        if missing := set(instance.images) - self.image_store.ids:
            raise BuildError(f"{instance.id} has the image {min(missing)}, which is not stored")
        if instance.id in self.instance_ids:
            raise BuildError(f"two instances have the id {instance.id}")
        self.instance_ids.add(instance.id)
        self.instances.add(instance)
        self.task_counts(instance.task).written += 1

    def add_task(self, task_id: str, info: TaskInfo) -> None:
        """Add the metadata of a task."""
        self.part.tasks[task_id] = info
        self.task_counts(task_id)

    def record_dropped(self, entry: LedgerEntry) -> None:
        """Record a dropped row; one that belongs to no task has a task that ends in `/*`."""
        self.ledger.add(entry)
        if entry.task.endswith("/*"):
            self.broken[entry.reason] += 1
        else:
            self.task_counts(entry.task).add(entry)

    def record_note(self, task: str, key: str, reason: str, detail: str, file: str = "") -> None:
        """Record a note on a row that is kept; one of no task has a task that ends in `/*`."""
        entry = LedgerEntry(task, key, "note", reason, detail, file)
        self.ledger.add(entry)
        if not task.endswith("/*"):
            self.task_counts(task).add(entry)

    def task_counts(self, task_id: str) -> TaskCounts:
        """Return the counts of a task."""
        return self.part.counts.setdefault(task_id, TaskCounts())
