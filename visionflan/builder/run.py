"""Build: from the releases under a data root to a build directory; resumes a killed build."""

import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.assemble import assemble
from visionflan.builder.build_request import check_request, usable_workers
from visionflan.builder.dataset_builder import DatasetBuilder
from visionflan.builder.decontamination.references import Decontamination
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_store import load_image_metadata
from visionflan.builder.output_dir import find_finished, lock_output_dir, remove_stale_files
from visionflan.builder.parts import PARTS_DIR, DatasetPart
from visionflan.builder.plan import BuildSettings, plan, provenance
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.source_fingerprint import build_fingerprint
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError, VisionflanError
from visionflan.escaping import one_line
from visionflan.plural import counted

READ_AHEAD = 2  # releases that are read at the same time


def build(  # noqa: PLR0913
    data_root: Path,
    out: Path,
    settings: BuildSettings,
    *,
    workers: int | None = None,
    start_method: str | None = None,
    log: Callable[[str], object] = str,
    decontamination: Decontamination | None = None,
) -> dict[str, Any]:
    """Build the datasets under a data root and return the manifest.

    A dataset that cannot be read has the status `failed` in the manifest. `start_method` is that
    of `multiprocessing`; `log` receives a line per dataset.
    """
    data_root, out = Path(os.path.abspath(data_root)), Path(os.path.abspath(out))  # noqa: PTH100
    if not data_root.is_dir():
        raise BuildError(
            f"{data_root} is not a directory: it must contain one subdirectory per dataset"
        )
    build_plan = plan(data_root, settings)
    check_request(data_root, out, build_plan)
    inputs = settings.as_json()
    if decontamination is not None:
        inputs["decontamination"] = decontamination.as_json()
    fingerprint = build_fingerprint(data_root, inputs, build_plan.tasks)
    with lock_output_dir(out):
        if (manifest := find_finished(out, fingerprint)) is not None:
            return manifest
        with (
            ImageCheckPool(usable_workers(workers, log), start_method) as pool,
            ReleaseReader(start_method) as reader,
        ):
            builder = DatasetBuilder(
                data_root, out, settings, build_plan, ImageCheckCache(pool), reader
            )
            run = BuildRun(builder, fingerprint.part_digests(), log)
            parts = run.build_parts()
        return run.finish(parts, decontamination)


class BuildRun:
    """One run of a build; `sources` are the digests of all that each dataset's part depends on."""

    def __init__(
        self, builder: DatasetBuilder, sources: dict[str, str], log: Callable[[str], object]
    ) -> None:
        self.builder, self.sources, self.log = builder, sources, log
        self.out, self.settings, self.plan = builder.out, builder.settings, builder.plan
        self.datasets = dict(builder.plan.not_built)

    def build_parts(self) -> list[DatasetPart]:
        """Return the parts of all datasets that can be read, of an earlier run or built now."""
        earlier = {name: self.earlier_part(name) for name in self.plan.tasks}
        to_read = deque(name for name, part in earlier.items() if part is None)
        parts = []
        for name, part in earlier.items():
            if part is not None:
                parts.append(self.reuse(part))
                continue
            for later in list(to_read)[:READ_AHEAD]:
                self.builder.start_reading(later)
            to_read.popleft()
            if (built := self.build_part(name)) is not None:
                parts.append(built)
        return parts

    def directory(self, name: str) -> Path:
        """Return the directory of a dataset's part."""
        return self.out / PARTS_DIR / name

    def earlier_part(self, name: str) -> DatasetPart | None:
        """Return the complete part of a dataset from an earlier run; None if there is none."""
        part = DatasetPart.load(self.directory(name))
        return part if part is not None and part.source == self.sources[name] else None

    def reuse(self, part: DatasetPart) -> DatasetPart:
        """Return the part of an earlier run, after taking over its images."""
        images = load_image_metadata([self.directory(part.name)])
        self.builder.stored_ids.update(images["id"].to_pylist())
        self.datasets[part.name] = part.info
        self.log(f"{part.name}: reused from the previous run")
        return part

    def build_part(self, name: str) -> DatasetPart | None:
        """Build the part of a dataset; return None if that fails."""
        directory, source = self.directory(name), self.sources[name]
        prepare_part(directory, source)
        start_time = time.monotonic()
        try:
            part = self.builder.build(name, directory)
        except VisionflanError as error:
            self.record_failure(name, str(error))
            return None
        except OSError:  # the build cannot be written: no other dataset would fare better
            raise
        # Whatever the values of a release lead to, it costs that dataset alone.
        except Exception as error:
            self.record_failure(name, f"{name}: {type(error).__name__}: {error}")
            return None
        part.source = source
        part.save(directory)
        self.datasets[name] = part.info
        self.log(f"{name}: {part_summary(part)} ({time.monotonic() - start_time:.1f} s)")
        for unread, files in part.info["unread_directories"].items():
            self.log(f"{name}: not read: {unread} ({counted(files, 'file')})")
        return part

    def record_failure(self, name: str, message: str) -> None:
        """Record that a dataset cannot be built, and why."""
        message = message.replace(f"{self.builder.data_root}{os.sep}", "")
        message = one_line(message).removeprefix(f"{name}: ")
        dataset = provenance(catalog.load(name))
        self.datasets[name] = {"status": "failed", "message": message, **dataset}
        self.log(f"{name}: failed: {message}")

    def finish(
        self, parts: list[DatasetPart], decontamination: Decontamination | None
    ) -> dict[str, Any]:
        """Assemble the parts, remove stale files, and return the manifest."""
        settings, built = self.settings, {task for part in parts for task in part.tasks}
        hold_out = HoldOutConfig(
            image_fraction=settings.hold_out_images,
            tasks=tuple(task for task in self.plan.held_out if task in built),
            seed=settings.seed,
            official=settings.hold_out_official,
        )
        about = {
            "settings": settings.as_json(),
            "excluded_tasks": self.plan.excluded_tasks,
            "unknown_directories": self.plan.unknown_directories,
        }
        manifest = assemble(
            self.out,
            parts,
            hold_out=hold_out,
            about=about,
            datasets=dict(sorted(self.datasets.items())),
            decontamination=decontamination,
        )
        remove_stale_files(self.out, manifest)
        return manifest


def prepare_part(directory: Path, source: str) -> None:
    """Prepare the directory of a part; what an interrupted run made of the same source is kept."""
    started = directory / "source.txt"
    if not started.is_file() or started.read_bytes() != source.encode():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        started.write_text(source)
    (directory / "part.json").unlink(missing_ok=True)


def part_summary(part: DatasetPart) -> str:
    """Return a one-line summary of a part."""
    counts = part.counts.values()
    written = sum(task.written for task in counts)
    dropped = sum(sum(task.dropped.values()) for task in counts)
    dropped += sum(part.info["broken"].values())
    rows = counted(part.info["rows_read"], "row")
    return f"{rows} read, {counted(written, 'instance')}, {dropped:,} dropped"
