"""The outcomes of steps on disk: `steps/<digest>/step.json`, written last, beside `output/`.

Several processes and studies may use one store at once: a step is locked while it runs.
"""

import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import visionflan
from visionflan.analysis.step import Log, Step, StepContext
from visionflan.atomic_write import locked, write_json
from visionflan.errors import AnalysisError, VisionflanError
from visionflan.storage.stored_json import load_object
from visionflan.train.config import OUTCOME_FORMAT, RuntimeConfig

STORE_FILE, LOCK = "store.json", ".lock"
OWN_FILES = {STORE_FILE, f".{STORE_FILE}.tmp", LOCK}  # of a store that is being created
FEATURES = "features"  # of frozen vision towers, which steps share; may be deleted
# How long another machine's files may take to be seen: NFS remembers for a while what was missing.
SHARED_FILES_S = 60.0
NAME_LENGTH = 16  # hexadecimal digits of a digest in the name of a directory


class Store:
    """A directory of finished and unfinished steps."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def open(self) -> None:
        """Create the store, or check that it is one of this version.

        Several processes may do so at once.
        """
        self.check_directory()
        file = self.path / STORE_FILE
        with locked(self.path / LOCK):
            if not file.is_file():
                write_json(file, {"format": OUTCOME_FORMAT})
        content = load_object(file)
        if content is None or "format" not in content:
            raise AnalysisError(f"{file} is damaged: restore it")
        if (number := content["format"]) != OUTCOME_FORMAT:
            raise AnalysisError(
                f"{self.path} is a store of format {number}, and this version of visionflan writes "
                f"format {OUTCOME_FORMAT}: choose a new directory"
            )

    def check_directory(self) -> None:
        """Raise AnalysisError if the path is a file, or a directory of something else."""
        if self.path.exists() and not self.path.is_dir():
            raise AnalysisError(f"{self.path} is a file: name a directory for the steps")
        names = {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()
        # Looked for after the listing, since another process may have created the store meanwhile.
        if names - OWN_FILES and not (self.path / STORE_FILE).is_file():
            raise AnalysisError(
                f"{self.path} has other files and no {STORE_FILE}: it is not a store of steps; "
                "choose a new directory, or name that of the steps with --store"
            )

    def check_visible(self) -> None:
        """Raise AnalysisError if this machine does not see the store, which another has opened."""
        if not wait_for_file(self.path / STORE_FILE):
            raise AnalysisError(
                f"the machine {socket.gethostname()} does not see the store {self.path}: choose "
                "one with --store that lies on a file system of all machines"
            )

    def missing_outcome(self, step: Step) -> AnalysisError | None:
        """Return an error if this machine does not see the outcome of a step that has ended."""
        if wait_for_file(self.directory(step) / "step.json"):
            return None
        return AnalysisError(
            f"its outcome is not in {self.directory(step)}: choose a store with --store that lies "
            "on a file system of all machines"
        )

    def directory(self, step: Step) -> Path:
        """Return the directory of a step, whether it exists or not."""
        return self.path / "steps" / step.digest[:NAME_LENGTH]

    def is_done(self, step: Step) -> bool:
        """Return whether the outcome of a step is complete; one whose output was deleted is not."""
        directory = self.directory(step)
        if not (directory / "step.json").is_file():
            return False
        return (directory / "output").is_dir() or self.record(step).get("adopted") is not None

    def record(self, step: Step) -> dict[str, Any]:
        """Return what is recorded about a finished step: settings, seconds, versions.

        Raises AnalysisError if that is damaged.
        """
        file = self.directory(step) / "step.json"
        record = load_object(file)
        if record is None or not {"seconds", "digest"} <= record.keys():
            raise AnalysisError(f"{file} is damaged: delete {file.parent} to run the step again")
        return record

    def output(self, step: Step) -> Path:
        """Return the directory with the output of a finished step.

        Raises AnalysisError if that is a run which is gone, or was trained again.
        """
        adopted = self.record(step).get("adopted")
        if adopted is None:
            return self.directory(step) / "output"
        file = Path(adopted["path"]) / adopted["file"]
        if file_digest(file) != adopted["sha256"]:
            problem = "was trained again since" if file.is_file() else "is no longer there"
            raise AnalysisError(
                f"the study uses the run {adopted['path']} to {step.label}, but {file} {problem}: "
                "restore it, name a run that has the same with --adopt, or delete "
                f"{self.directory(step)} to have it trained again"
            )
        return Path(adopted["path"])

    def check_outputs(self, steps: Iterable[Step]) -> None:
        """Raise AnalysisError if the output of a finished step is that of a run which is gone."""
        for step in steps:
            if self.is_done(step):
                self.output(step)

    def adopt(self, step: Step, path: Path, file: Path) -> None:
        """Record that a finished run has a step's output, unless the store has it.

        Args:
            step: what the run has done.
            path: the directory of the run, which is not copied.
            file: the one of its files that is written last, from there.
        """
        if self.is_done(step):
            try:
                self.output(step)
            except AnalysisError:
                pass  # a run that is gone is replaced
            else:
                return
        path = path.resolve()
        adopted = {"path": str(path), "file": str(file), "sha256": file_digest(path / file)}
        self.write_record(step, None, adopted)

    def run(self, step: Step, runtime: RuntimeConfig, log: Log) -> None:
        """Run a step unless it is done; another process that runs it is waited for."""
        directory = self.directory(step)
        with locked(directory / "lock"):
            if self.is_done(step):
                return
            (directory / "failed.json").unlink(missing_ok=True)
            (directory / "output").mkdir(exist_ok=True)
            context = StepContext(
                directory=directory / "output",
                outputs={parent.digest: self.output(parent) for parent in step.parents},
                runtime=replace(runtime, feature_cache_dir=self.path / FEATURES),
                log=log,
            )
            start = time.monotonic()
            try:
                step.run(context)
            except VisionflanError as error:
                write_json(directory / "failed.json", {"label": step.label, "error": str(error)})
                raise
            self.write_record(step, time.monotonic() - start)

    def write_record(
        self, step: Step, seconds: float | None, adopted: Mapping[str, str] | None = None
    ) -> None:
        """Mark a step as done."""
        write_json(
            self.directory(step) / "step.json",
            {
                "kind": step.kind,
                "label": step.label,
                "digest": step.digest,
                "settings": step.settings(),
                "parents": [parent.digest for parent in step.parents],
                "seconds": seconds,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "version": visionflan.__version__,
                "adopted": adopted,
            },
        )


def file_digest(file: Path) -> str:
    """Return the SHA-256 digest of a file; empty if it is not there."""
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def wait_for_file(file: Path) -> bool:
    """Return whether a file is there, or appears once the caches of a file system expire."""
    end = time.monotonic() + SHARED_FILES_S
    while not file.is_file():
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True
