"""Build: from the releases under a data root to a build directory, going on where it was killed."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visionflan import catalog
from visionflan.builder.assemble import assemble
from visionflan.builder.image_cache import SeenPictures
from visionflan.builder.image_store import Stored, stored_facts
from visionflan.builder.image_workers import Checker
from visionflan.builder.instance_builder import Filler
from visionflan.builder.output_dir import claimed, ready, sweep
from visionflan.builder.parts import FOLDER, Part, instance_writer, ledger_writer
from visionflan.builder.plan import Plan, Settings, plan, provenance, task_info
from visionflan.builder.sampling import Reading, TaskChoice
from visionflan.builder.source_fingerprint import source_digest
from visionflan.builder.split import HoldOut
from visionflan.errors import BuildError, VisionflanError

SPARE = 5  # one row in so many is kept beyond the cap, in place of rows whose pictures are bad


def build(
    data_root: Path,
    out: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    start_method: str | None = None,
    tell: Callable[[str], object] = str,
) -> dict[str, Any]:
    """Build what is there and give the manifest; `tell` is given a line at each dataset's end.

    `start_method` is how Python starts the worker processes, where it matters. A dataset that
    cannot be read is told in the manifest with the status `failed`.
    """
    data_root, out = Path(os.path.abspath(data_root)), Path(os.path.abspath(out))  # noqa: PTH100
    if not data_root.is_dir():
        raise BuildError(f"{data_root} is not a folder: --data-root holds a folder a dataset")
    made = plan(data_root, settings)
    if not made.tasks:
        raise BuildError(
            f"{data_root} holds none of the wanted datasets ({', '.join(made.others)}): "
            "`visionflan datasets NAME` tells how to obtain one"
        )
    sources, before = {}, json.dumps(settings.as_json(), sort_keys=True)
    for name in made.tasks:
        before = sources[name] = source_digest(name, data_root, before, made.tasks[name])
    with claimed(out):
        if (whole := ready(out, settings, before)) is not None:
            return whole
        with Checker(workers or os.cpu_count() or 1, start_method) as checker:
            run = Run(data_root, out, settings, made, SeenPictures(checker))
            parts = [run.part(name, sources[name], tell) for name in made.tasks]
        return run.finish([part for part in parts if part is not None])


class Run:
    """One run of a build: its settings, and what it has learnt so far."""

    def __init__(
        self, data_root: Path, out: Path, settings: Settings, made: Plan, pictures: SeenPictures
    ) -> None:
        self.data_root, self.out, self.settings = data_root, out, settings
        self.plan, self.pictures = made, pictures
        self.stored_ids: set[str] = set()
        self.told = dict(made.others)

    def part(self, name: str, source: str, tell: Callable[[str], object]) -> Part | None:
        """Give the part of a dataset: that of an earlier run, or one that is made now."""
        folder = self.out / FOLDER / name
        if (earlier := Part.load(folder)) is not None and earlier.source == source:
            self.stored_ids.update(stored_facts([folder])["id"].to_pylist())
            self.told[name] = earlier.about
            tell(f"{name}: kept from the run before")
            return earlier
        begun = folder / "source.txt"
        if not begun.is_file() or begun.read_text() != source:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            begun.write_text(source)
        (folder / "part.json").unlink(missing_ok=True)
        began = time.monotonic()
        try:
            part = self.make(name, folder)
        except VisionflanError as fault:
            why = str(fault).replace(f"{self.data_root}{os.sep}", "")
            self.told[name] = {"status": "failed", "why": why, **provenance(catalog.load(name))}
            tell(f"{name}: failed: {why}")
            return None
        part.source = source
        part.save(folder)
        self.told[name] = part.about
        tell(f"{name}: {told_of(part)} ({time.monotonic() - began:.1f} s)")
        return part

    def make(self, name: str, folder: Path) -> Part:
        """Read a dataset, choose, check and store."""
        dataset = catalog.load(name)
        ledger, instances = ledger_writer(folder), instance_writer(folder)
        reading = Reading(name, dataset, self.data_root, ledger.add)
        choices = [self.choice(name, task) for task in self.plan.tasks[name]]
        with tqdm(desc=f"{name}: reading", unit=" rows", disable=None, leave=False) as bar:
            for _ in reading.run(choices):
                bar.update()
        stored = Stored(self.out / "images", folder, name, self.stored_ids)
        self.pictures.remember(stored)
        wanted = sum(min(self.cap(choice.id), choice.usable) for choice in choices)
        with tqdm(
            desc=f"{name}: checking", total=wanted, unit=" rows", disable=None, leave=False
        ) as bar:
            filler = Filler(reading, self.pictures, stored, instances, bar.update)
            for choice in choices:
                filler.fill(choice, self.cap(choice.id))
        for written in (stored, instances, ledger):
            written.close()
        self.stored_ids = stored.ids
        return Part(
            name,
            {
                "status": "built",
                "rows_read": reading.rows_read,
                "broken": reading.broken,
                **provenance(dataset),
            },
            {choice.id: task_info(name, dataset, choice.task.name) for choice in choices},
            {choice.id: choice.counts for choice in choices},
        )

    def choice(self, name: str, task: str) -> TaskChoice:
        """Begin the choice of rows for a task."""
        task_id = f"{name}/{task}"
        cap = self.cap(task_id)
        limit = cap + cap // SPARE + 1
        return TaskChoice(task_id, catalog.load(name).tasks[task], self.settings.seed, limit)

    def cap(self, task_id: str) -> int:
        """Give how many instances a task has at most."""
        if task_id in self.plan.held_out:
            return min(self.settings.cap, self.settings.hold_out_cap)
        return self.settings.cap

    def finish(self, parts: list[Part]) -> dict[str, Any]:
        """Put the parts together; they are kept while a dataset is still to be mended."""
        settings = self.settings
        hold_out = HoldOut(
            images=settings.hold_out_images, tasks=self.plan.held_out, seed=settings.seed
        )
        about = {
            "settings": settings.as_json(),
            "tasks_left_out": self.plan.left_out,
            "unknown_folders": self.plan.unknown_folders,
        }
        manifest = assemble(
            self.out,
            parts,
            hold_out=hold_out,
            about=about,
            datasets=dict(sorted(self.told.items())),
        )
        sweep(self.out, manifest)
        return manifest


def told_of(part: Part) -> str:
    """Sum up a part in a line."""
    counts = part.counts.values()
    kept, lost = sum(task.kept for task in counts), sum(sum(task.lost.values()) for task in counts)
    lost += sum(part.about["broken"].values())
    return f"{part.about['rows_read']:,} rows read, {kept:,} instances, {lost:,} lost"
