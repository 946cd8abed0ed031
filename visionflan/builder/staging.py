"""Copy what the job of a dataset needs from a store, and its part to a store.

In between, the job has directories of this machine alone. A part is complete once its `part.json`
is uploaded, which comes last.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from zlib import crc32

import pyarrow.compute as pc
import pyarrow.parquet as pq

from visionflan.builder.part_job import PartJob
from visionflan.builder.parts import PARTS_DIR
from visionflan.builder.releases import state_of
from visionflan.errors import ReleaseError
from visionflan.stores.file_store import FileStore, StoredFile
from visionflan.stores.scratch import open_scratch

PART_MARK = "part.json"
CHECKED_FILES = "checked-*.parquet"  # with which only this machine could go on
SHARD_NUMBER = re.compile(r"-\d{5,}\.parquet")


@contextmanager
def open_stage(job: PartJob) -> Iterator[PartJob]:
    """Yield the job with directories of this machine, which are removed at the end."""
    staging = job.staging
    if not (staging.data_url or staging.out_url):
        yield job
        return
    with open_scratch(staging.scratch) as directory:
        yield job._replace(
            data_root=directory / "data" if staging.data_url else job.data_root,
            out=directory / "out" if staging.out_url else job.out,
        )


def stage_releases(job: PartJob, show: Callable[[int, int], object]) -> None:
    """Copy the releases that the reader of a dataset looks into.

    `show` receives the numbers of files that are done and of all files. Raises ReleaseError if the
    releases are not as they were when the build began.
    """
    staging = job.staging
    if not staging.data_url:
        return
    store = FileStore(staging.data_url)
    files: dict[str, StoredFile] = {}
    for name, state in staging.releases.items():
        listed = store.list_files(name)
        if state_of(listed) != state:
            raise ReleaseError(
                f"{job.name}: {store.url_of(name)} changed while the build ran: run the same "
                "command again"
            )
        files.update((f"{name}/{file}", stored) for file, stored in listed.items())
    (job.data_root / job.name).mkdir(parents=True)
    if sum(stored.size for stored in files.values()) > shutil.disk_usage(job.data_root).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(job.data_root))
    paths = [job.data_root / name for name in files]
    download = partial(download_file, store)
    for done in store.for_each(download, files, paths, files.values()):
        show(done, len(files))


def download_file(store: FileStore, name: str, path: Path, stored: StoredFile) -> None:
    """Copy a file of a release; its time stands for its version, by which a build is resumed."""
    store.download(name, path, stored.size)
    seconds = crc32(stored.version.encode())
    os.utime(path, (seconds, seconds))


def upload_part(job: PartJob, show: Callable[[int, int], object]) -> None:
    """Upload the part that was built, in place of what an earlier run uploaded."""
    staging = job.staging
    if staging.data_url:
        check_neighbors(job)
    if not staging.out_url:
        return
    store = FileStore(staging.out_url)
    part = f"{PARTS_DIR}/{job.name}"
    earlier = {f"{part}/{name}" for name in store.list_files(part)}
    earlier |= {
        f"images/{name}"
        for name in store.list_files("images")
        if name.startswith(job.name) and SHARD_NUMBER.fullmatch(name[len(job.name) :])
    }
    mark = f"{part}/{PART_MARK}"
    store.delete([mark] if mark in earlier else [])
    paths = [path for path in sorted(job.out.rglob("*")) if is_uploaded(path)]
    names = [str(path.relative_to(job.out)) for path in paths]
    for done in store.for_each(store.upload, paths, names):
        show(done, len(paths))
    store.delete(sorted(earlier.difference(names, [mark])))
    store.upload(job.out / mark, mark)


def is_uploaded(path: Path) -> bool:
    """Return whether a path is a file of a part, other than the mark that comes last."""
    return path.is_file() and path.name != PART_MARK and not fnmatch(path.name, CHECKED_FILES)


def check_neighbors(job: PartJob) -> None:
    """Raise ReleaseError if rows name files of another release, which was not copied."""
    ledger = pq.read_table(job.directory / "ledger.parquet", columns=["kind", "file"])
    files = ledger.filter(pc.equal(ledger["kind"], "dropped"))["file"].to_pylist()
    others = {file.partition("/")[0] for file in files} - job.staging.releases.keys()
    if not others:
        return
    present = FileStore(job.staging.data_url).list_top()
    if missing := sorted(name for name in others if present.get(name)):
        raise ReleaseError(
            f"{job.name}: rows name files in {', '.join(missing)}, which is not copied from "
            f"{job.staging.data_url}: add it to `neighbors` of the dataset file"
        )
