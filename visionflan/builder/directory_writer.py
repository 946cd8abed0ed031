"""Write a build directory from instances that come ready-made."""

import shutil
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from visionflan.atomic_write import write_json
from visionflan.builder.assemble import assemble
from visionflan.builder.image_store import ImageStore
from visionflan.builder.parts import FOLDER, DatasetPart, TaskCounts, instance_writer, ledger_writer
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError
from visionflan.storage.image_checks import CheckedImage, check_image
from visionflan.storage.instance import Instance
from visionflan.storage.schema import LedgerEntry, TaskInfo

MARK = "written-by-others.json"


class DirectoryWriter:
    """Take images, instances, tasks and losses; leaving the block whole makes a build of them.

    `about` tells what the build is: `name` (used for its files), `title`, `license`, `citation`.
    With `hold_out` the split is decided by images as in any build; else instances bring it.
    """

    def __init__(
        self, out: Path, about: dict[str, Any], *, hold_out: HoldOutConfig | None = None
    ) -> None:
        self.out, self.about, self.hold_out = Path(out), about, hold_out
        self.part = DatasetPart(str(about.get("name", "instances")), about)
        self.manifest: dict[str, Any] = {}
        self.keys: set[str] = set()
        self.broken: Counter[str] = Counter()

    @property
    def folder(self) -> Path:
        """Where the part is kept until it is whole."""
        return self.out / FOLDER / self.part.name

    def __enter__(self) -> Self:
        """Make room; what an earlier run left unfinished is begun anew."""
        if self.out.exists() and any(self.out.iterdir()):
            if not (self.out / FOLDER / MARK).is_file():
                raise BuildError(f"{self.out} is not empty: choose a new folder")
            shutil.rmtree(self.out)
        self.folder.mkdir(parents=True)
        write_json(self.out / FOLDER / MARK, {})
        self.stored = ImageStore(self.out / "images", self.folder, self.part.name, ())
        self.instances = instance_writer(self.folder)
        self.ledger = ledger_writer(self.folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the build together, unless the block failed."""
        for written in (self.stored, self.instances, self.ledger):
            written.close()
        if kind is not None:
            return
        for task, counts in self.part.counts.items():
            if task not in self.part.tasks:
                raise BuildError(f"{self.out}: nothing was said of the task {task}")
            counts.rows_read = counts.kept + sum(counts.dropped.values())
        self.manifest = assemble(
            self.out,
            [self.part],
            hold_out=self.hold_out,
            about=self.about,
            datasets={
                self.part.name: {"status": "built", "broken": dict(self.broken), **self.about}
            },
        )
        shutil.rmtree(self.out / FOLDER)

    def add_image(self, encoded: bytes) -> str:
        """Store an image once and give its id; raises UnusableError where it does not decode."""
        return self.add_checked_image(check_image(encoded), encoded)

    def add_checked_image(self, image: CheckedImage, encoded: bytes) -> str:
        """Store an image that was checked before."""
        if image.id not in self.stored.ids:
            self.stored.add(image, encoded)
        return image.id

    def add_instance(self, instance: Instance) -> None:
        """Add an instance, whose images are stored and whose id is new."""
        if lacking := set(instance.images) - self.stored.ids:
            raise BuildError(f"{instance.id} shows the image {min(lacking)}, which is not stored")
        if instance.id in self.keys:
            raise BuildError(f"two instances have the id {instance.id}")
        self.keys.add(instance.id)
        self.instances.add(instance)
        self.task_counts(instance.task).kept += 1

    def add_task(self, task_id: str, info: TaskInfo) -> None:
        """Tell what is known of a task."""
        self.part.tasks[task_id] = info
        self.task_counts(task_id)

    def record_dropped(self, entry: LedgerEntry) -> None:
        """Note in the ledger a row that was lost; one of no task has a task that ends in `/*`."""
        self.ledger.add(entry)
        if entry.task.endswith("/*"):
            self.broken[entry.reason] += 1
        else:
            self.task_counts(entry.task).add(entry)

    def task_counts(self, task_id: str) -> TaskCounts:
        """Give the counts of a task."""
        return self.part.counts.setdefault(task_id, TaskCounts())
