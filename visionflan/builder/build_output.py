"""Where a build is written: a directory, or a store of which a directory has the small files."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from visionflan.builder.output_dir import LOCK, STARTED, lock_output_dir, not_a_build
from visionflan.builder.part_job import PartJob
from visionflan.builder.part_processes import FailedPart, PartOutcome
from visionflan.builder.parts import PARTS_DIR
from visionflan.builder.staging import PART_MARK
from visionflan.errors import BuildError
from visionflan.progress import ProgressBar
from visionflan.storage.image_shards import ReadShard, shard_reader
from visionflan.stores.file_store import FileStore, StoredFile
from visionflan.stores.lock import StoreLock

RunJobs = Callable[[list[PartJob]], Iterator[PartOutcome]]
FileState = tuple[int, int, int]

MANIFEST = "manifest.json"
STORE_LOCK = f"{PARTS_DIR}/lock.json"


class BuildOutput:
    """A build directory.

    Attributes:
        path: the directory.
        url: where the build is, if that is a store.
    """

    url = ""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links are not followed

    @property
    def read_shard(self) -> ReadShard:
        """Return a function that reads images of the build."""
        return shard_reader(self.path / "images")

    def lock(self) -> AbstractContextManager[None]:
        """Return a context in which no other process may write the build."""
        return lock_output_dir(self.path)

    def begin(self) -> None:
        """Prepare for building, once it is clear that the build is not complete."""

    def run(self, run_jobs: RunJobs, jobs: list[PartJob]) -> Iterator[PartOutcome]:
        """Run jobs, and yield the outcome of each."""
        return run_jobs(jobs)

    def editing(self, shard: str) -> AbstractContextManager[None]:
        """Return a context in which a shard may be written again."""
        return nullcontext()

    def finish(self) -> None:
        """Complete the build, after its manifest was written."""


class StoredOutput(BuildOutput):
    """A build in a store.

    Its directory has the same files. Those that are not needed, such as shards of images, are
    holes: they have their size, and no content.
    """

    def __init__(self, store: FileStore, path: Path) -> None:
        path.mkdir()
        super().__init__(path)
        self.store, self.url = store, store.url
        self.store_lock = StoreLock(store, STORE_LOCK)
        self.stored: dict[str, StoredFile] = {}  # as last listed
        self.states: dict[str, FileState] = {}  # of the files that are as in the store
        self.holes: set[str] = set()

    @property
    def read_shard(self) -> ReadShard:
        """Return a function that reads images of the build from the store."""
        return lambda shard, offset, length: self.store.read_range(
            f"images/{shard}", offset, length
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the store, in which no other process may write the build."""
        if (tops := self.store.list_top()) and PARTS_DIR not in tops:
            raise not_a_build(self.path)
        with self.store_lock.hold():
            self.pull(tables=False)
            with lock_output_dir(self.path):
                yield

    def begin(self) -> None:
        """Make the build in the store incomplete, and copy the tables of its parts."""
        self.push()
        self.pull()

    def run(self, run_jobs: RunJobs, jobs: list[PartJob]) -> Iterator[PartOutcome]:
        """Run jobs, which upload parts, and yield the outcomes; then copy the tables of the parts.

        Raises BuildError if the store has no part that was uploaded.
        """
        self.push()
        built: list[PartJob] = []
        for outcome in run_jobs(jobs):
            built += [] if isinstance(outcome.part, FailedPart) else [outcome.job]
            yield outcome
        self.pull()
        for job in built:
            if not (job.directory / PART_MARK).is_file():
                raise BuildError(
                    f"{job.name} was built but is not in {self.url}: all processes and machines "
                    "must reach the same store"
                )

    @contextmanager
    def editing(self, shard: str) -> Iterator[None]:
        """Copy a shard from the store, and back with the tables that change along with it."""
        name = f"images/{shard}"
        self.download([name])
        yield
        self.push()
        if (self.path / name).exists():
            self.make_hole(name, self.states[name][1])

    def finish(self) -> None:
        """Upload what is new; if the lock is still held, the manifest, too."""
        self.push()
        self.store_lock.check()
        if self.states.get(MANIFEST) != (state := state_of_file(self.path / MANIFEST)):
            self.store.upload(self.path / MANIFEST, MANIFEST)
            self.states[MANIFEST] = state

    def pull(self, *, tables: bool = True) -> None:
        """Make the directory as the store is, with the tables of complete parts if requested."""
        stored = self.store.list_files()
        stored.pop(STORE_LOCK, None)
        for name in self.states.keys() - stored.keys():
            (self.path / name).unlink()
            self.holes.discard(name)
            del self.states[name]
        wanted = {MANIFEST, STARTED}
        if tables:
            complete = {name.removesuffix(PART_MARK) for name in stored if is_mark(name)}
            wanted |= {name for name in stored if f"{name.rpartition('/')[0]}/" in complete}
        changed = [name for name in stored if self.stored.get(name) != stored[name]]
        for name in changed:
            self.make_hole(name, stored[name].size)
        self.stored = stored
        self.download(sorted(self.holes & wanted))

    def download(self, names: list[str]) -> None:
        """Copy files from the store in place of their holes."""
        paths = [self.path / name for name in names]
        sizes = [self.states[name][1] for name in names]
        with ProgressBar("downloading", len(names), unit="files") as bar:
            for done in self.store.for_each(self.store.download, names, paths, sizes):
                bar.advance_to(done)
        self.holes.difference_update(names)
        self.states.update((name, state_of_file(self.path / name)) for name in names)

    def make_hole(self, name: str, size: int) -> None:
        """Write a file of some size without content."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch()
        os.truncate(path, size)
        self.states[name] = state_of_file(path)
        self.holes.add(name)

    def push(self) -> None:
        """Make the store as the directory is, but for the manifest, which only goes away.

        Tables of parts come last: an interrupted copy leaves shards of another size than they say.
        """
        files = [path for path in self.path.rglob("*") if path.is_file()]
        states = {str(path.relative_to(self.path)): state_of_file(path) for path in files}
        gone = self.states.keys() - states.keys()
        self.store.delete(sorted(gone))
        for name in gone:
            del self.states[name]
        changed = {name for name in states if self.states.get(name) != states[name]}
        changed -= {MANIFEST, LOCK}
        of_parts = {name for name in changed if name.startswith(f"{PARTS_DIR}/")}
        for names in (sorted(changed - of_parts), sorted(of_parts)):
            paths = [self.path / name for name in names]
            with ProgressBar("uploading", len(names), unit="files") as bar:
                for done in self.store.for_each(self.store.upload, paths, names):
                    bar.advance_to(done)
        self.holes -= changed | gone
        self.states.update((name, states[name]) for name in changed)


def is_mark(name: str) -> bool:
    """Return whether a file of a build marks one of its parts as complete."""
    return name.startswith(f"{PARTS_DIR}/") and name.endswith(f"/{PART_MARK}")


def state_of_file(path: Path) -> FileState:
    """Return what differs after a file was written again."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
