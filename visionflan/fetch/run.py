"""Download the images of a list into a directory; what is there already is not downloaded again."""

import asyncio
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.builder.build_request import usable_workers
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_workers import ImageFault
from visionflan.errors import ReleaseError
from visionflan.fetch.download import Downloader, open_downloader
from visionflan.fetch.files import (
    FetchedImage,
    check_digest,
    check_path,
    file_name,
    link_image,
    without_suffix,
)
from visionflan.fetch.hosts import HostLimits
from visionflan.fetch.output_lock import check_list_name, lock_state
from visionflan.fetch.settings import FetchError, FetchSettings
from visionflan.fetch.shard_log import STATE_DIR, ShardLog, UrlEntry, shard_of, write_ledger
from visionflan.hashing import stable_hash
from visionflan.progress import ProgressBar

WAITING_PER_REQUEST = 30  # rows that wait while others are downloaded, such as for their hosts
MAX_URLS = 100_000  # of which a repetition is recognized

Outcome = asyncio.Future[FetchedImage | FetchError]


class FetchSummary(NamedTuple):
    """What a run did, and what all runs so far left out.

    Attributes:
        fetched: images that were downloaded now.
        present: images that were there before.
        failures: the number of rows in the ledger by reason.
    """

    fetched: int
    present: int
    failures: dict[str, int]


@dataclass
class FetchRun:
    """Downloads rows side by side, and logs what becomes of each."""

    out: Path
    table_dir: Path
    settings: FetchSettings
    hosts: HostLimits
    pool: ImageCheckPool
    progress: ProgressBar
    fetched: int = 0
    present: int = 0
    failed: int = 0
    names: set[int] = field(default_factory=set)
    urls: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    shards: dict[int, ShardLog] = field(default_factory=dict)

    async def run(self, entries: Iterable[UrlEntry]) -> None:
        """Download all rows; after an error or an interruption the log has what was done."""
        window = asyncio.Semaphore(self.settings.concurrency * WAITING_PER_REQUEST)
        try:
            async with (
                open_downloader(self.settings, self.hosts) as downloader,
                asyncio.TaskGroup() as tasks,
            ):
                for entry in self.missing_entries(entries):
                    await window.acquire()
                    task = tasks.create_task(self.fetch(entry, downloader))
                    task.add_done_callback(lambda _: window.release())
        finally:
            for shard in self.shards.values():
                shard.close(self.table_dir)

    def missing_entries(self, entries: Iterable[UrlEntry]) -> Iterator[UrlEntry]:
        """Yield the rows that are still to be downloaded, opening the log of each shard."""
        last = -1
        for entry in entries:
            number = shard_of(entry)
            if number not in self.shards:
                self.shards[number] = ShardLog(self.out, number)
            if last not in (-1, number):
                self.finish_reading(last)
            last = number
            shard = self.shards[number]
            if self.is_repeated(entry):
                self.add_repeated(shard, entry)
            elif shard.needs_download(entry, self.settings):
                shard.remaining += 1
                yield entry
            elif "reason" in shard.records[entry.key]:
                self.count(failed=1)
            else:
                self.count(present=1)
        if last != -1:
            self.finish_reading(last)

    def is_repeated(self, entry: UrlEntry) -> bool:
        """Return whether an earlier row has the id of a row, and so its file.

        So it is with `a` and `a.jpg`: the file of the first may have the name of the second.
        """
        if not entry.name:
            return False
        stem = without_suffix(entry.name)
        same = {stable_hash(entry.name), stable_hash(f"{entry.name}/stem")}
        repeated = not self.names.isdisjoint(same | {stable_hash(stem)})
        self.names.add(stable_hash(entry.name))
        if stem != entry.name:
            self.names.add(stable_hash(f"{stem}/stem"))
        return repeated

    def add_repeated(self, shard: ShardLog, entry: UrlEntry) -> None:
        """Log a row whose id an earlier row has."""
        own = entry._replace(name=f"{entry.name}#{entry.row}")
        if own.key not in shard.records:
            detail = f"an earlier row has the id {entry.name!r}, or one with the same file"
            shard.add(own, failure(FetchError("repeated_id", detail)))
        self.count(failed=1)

    def finish_reading(self, number: int) -> None:
        """Note that no more rows of a shard come, and close it if none is being downloaded."""
        self.shards[number].is_read = True
        self.close_if_done(number)

    def close_if_done(self, number: int) -> None:
        """Close a shard of which all rows are done."""
        shard = self.shards[number]
        if shard.is_read and not shard.remaining:
            shard.close(self.table_dir)
            del self.shards[number]

    def count(self, *, fetched: int = 0, present: int = 0, failed: int = 0) -> None:
        """Count rows that are done, and show them."""
        self.fetched += fetched
        self.present += present
        self.failed += failed
        self.progress.update(fetched + present + failed, f"{self.failed:,} failed")

    async def fetch(self, entry: UrlEntry, downloader: Downloader) -> None:
        """Download one row, and log what became of it."""
        shard = self.shards[shard_of(entry)]
        try:
            shard.add(entry, (await self.fetch_url(entry, downloader)).as_record(self.out))
            self.count(fetched=1)
        except FetchError as error:
            shard.add(entry, failure(error))
            self.count(failed=1)
        shard.remaining -= 1
        self.close_if_done(shard.shard)

    async def fetch_url(self, entry: UrlEntry, downloader: Downloader) -> FetchedImage:
        """Return the image of a row; a URL that an earlier row has is not requested again."""
        check_path(entry)
        if (earlier := self.urls.get(entry.url)) is not None:
            outcome = await asyncio.shield(earlier)
            if isinstance(outcome, FetchError):
                raise outcome
            check_digest(outcome.path, entry.digest)
            return link_image(outcome, self.out / file_name(entry, outcome.format))
        future = asyncio.get_running_loop().create_future()
        self.urls[entry.url] = future
        if len(self.urls) > MAX_URLS:
            self.urls.popitem(last=False)
        temporary = self.out / STATE_DIR / "parts" / str(entry.row)
        try:
            image = await self.fetch_with_retries(entry, downloader, temporary)
        except FetchError as error:
            future.set_result(error)
            raise
        finally:
            temporary.unlink(missing_ok=True)
        future.set_result(image)
        return image

    async def fetch_with_retries(
        self, entry: UrlEntry, downloader: Downloader, temporary: Path
    ) -> FetchedImage:
        """Download one row in several attempts; raise FetchError if all of them fail."""
        delay = self.settings.initial_delay_s
        for attempt in range(self.settings.max_retries + 1):
            try:
                return await self.fetch_once(entry, downloader, temporary)
            except FetchError as error:
                if error.action != "retry":
                    raise
                if attempt == self.settings.max_retries:
                    raise FetchError(error.reason, error.detail, "later") from error
            await self.hosts.sleep(min(delay, self.settings.max_delay_s))
            delay *= 2
        raise AssertionError("every attempt returns or raises")

    async def fetch_once(
        self, entry: UrlEntry, downloader: Downloader, temporary: Path
    ) -> FetchedImage:
        """Download one row, check it as a build does, and give it its final name."""
        downloaded = await downloader.download(entry.url, temporary)
        check_digest(temporary, entry.digest)
        (checked,) = await asyncio.wrap_future(self.pool.submit([temporary]))
        if isinstance(checked, ImageFault):
            raise FetchError(*checked)
        target = self.out / file_name(entry, checked.released_format)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        size = (checked.image.width, checked.image.height)
        return FetchedImage(
            target, downloaded.size, downloaded.sha256, *size, checked.released_format
        )


def fetch_images(
    read: Callable[[], Iterable[UrlEntry]],
    out: Path,
    settings: FetchSettings,
    *,
    hosts: HostLimits | None = None,
    tables: bool = True,
    list_name: str = "",
) -> FetchSummary:
    """Download the images of a list into a directory.

    `read` yields the rows of the list, and is called twice. With `tables` a table for each shard of
    10,000 rows is written beside the images, as img2dataset does. Rows that name their files need
    the name of their list. Raises ReleaseError if another process downloads into the directory, or
    if it has the images of the rows of another list.
    """
    total = sum(1 for _ in read())
    if not total:
        raise ReleaseError("the list names no image to download")
    state = out / STATE_DIR
    with lock_state(state):
        check_list_name(state, list_name)
        shutil.rmtree(state / "parts", ignore_errors=True)
        (state / "parts").mkdir()
        with (
            ImageCheckPool(min(usable_workers(None, str), settings.concurrency)) as pool,
            ProgressBar("fetching", total, unit="images") as progress,
        ):
            run = FetchRun(
                out,
                out if tables else state,
                settings,
                hosts or HostLimits(settings),
                pool,
                progress,
            )
            try:
                asyncio.run(run.run(read()))
            except BaseExceptionGroup as errors:  # such as that of a full disk, of each request
                raise first_error(errors) from errors
            finally:
                failures = write_ledger(out)
        (state / "parts").rmdir()
    return FetchSummary(run.fetched, run.present, failures)


def first_error(error: BaseException) -> BaseException:
    """Return the first error of a group, and of the groups in it."""
    return first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def failure(error: FetchError) -> dict[str, Any]:
    """Return what the log has of a row that was not downloaded."""
    return {"reason": error.reason, "detail": error.detail, "again": error.action != "never"}
