"""Images are checked in chunks, each of which one process stores: what they are, and who dies."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image, draw_or_fail
from visionflan.builder import chunk_processes
from visionflan.builder.chunk_processes import ChunkProcesses
from visionflan.builder.image_chunks import PartImages, iter_chunks, read_chunk, write_chunk
from visionflan.builder.image_store import StoredImage
from visionflan.builder.image_workers import ImageFault, check_batch
from visionflan.builder.part_checks import PartChecks, PhaseProgress
from visionflan.builder.part_processes import PartProcesses, RunningPart
from visionflan.builder.repeated_images import remove_unused_images
from visionflan.image_sources import ComputedImage, ImageSource, describe_source
from visionflan.storage import image_shards


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make shards of three images, and end a test that hangs."""
    monkeypatch.setattr(image_shards, "SHARD_IMAGES", 3)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(30)
    yield
    signal.alarm(0)


@pytest.fixture
def images(tmp_path: Path) -> list[ImageSource]:
    """Write seven images."""
    paths = [tmp_path / f"{number}.jpg" for number in range(7)]
    for number, path in enumerate(paths):
        path.write_bytes(board_image(number))
    return list(paths)


@pytest.fixture
def part(tmp_path: Path) -> PartImages:
    (tmp_path / "board").mkdir()
    return PartImages(tmp_path / "images", tmp_path / "board", "board")


def check_all(part: PartImages, images: list[ImageSource], workers: int) -> PartChecks:
    with ChunkProcesses(part, lambda: workers) as processes:
        checks = PartChecks(processes, id)
        checks.check(images)
    return checks


def stored(part: PartImages) -> list[list[str]]:
    """Return the ids of the images in each shard."""
    return [pq.read_table(path)["id"].to_pylist() for path in sorted(part.shards.iterdir())]


def test_a_chunk_has_as_many_images_as_a_shard(images: list[ImageSource]) -> None:
    chunks = list(iter_chunks(images, first=4))
    assert [chunk.number for chunk in chunks] == [4, 5, 6]
    assert [list(chunk.images) for chunk in chunks] == [images[:3], images[3:6], images[6:]]


def test_a_chunk_has_at_most_the_bytes_of_a_shard(
    images: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0.jpg").write_bytes(bytes(5_000))
    (tmp_path / "1.jpg").write_bytes(bytes(200))
    (tmp_path / "2.jpg").write_bytes(bytes(801))
    monkeypatch.setattr(image_shards, "SHARD_BYTES", 1_000)
    sizes = [len(chunk.images) for chunk in iter_chunks(images[:3], 0)]
    assert sizes == [1, 1, 1]
    (tmp_path / "2.jpg").write_bytes(bytes(800))
    assert [len(chunk.images) for chunk in iter_chunks(images[:3], 0)] == [1, 2]


def test_a_chunk_is_reused_while_its_files_are_the_same(
    images: list[ImageSource], part: PartImages, tmp_path: Path
) -> None:
    (tmp_path / "1.jpg").write_bytes(b"no image")
    (chunk,) = iter_chunks(images[:3], 0)
    assert read_chunk(part, chunk) is None
    write_chunk(part, chunk, check_batch(chunk.images), set())
    outcomes = read_chunk(part, chunk)
    assert outcomes is not None
    assert [type(outcome) for outcome in outcomes] == [StoredImage, ImageFault, StoredImage]
    assert next(iter_chunks(images[:3], 0)) == chunk
    os.utime(tmp_path / "2.jpg", (1, 1))
    (changed,) = iter_chunks(images[:3], 0)
    assert read_chunk(part, changed) is None


def test_shards_do_not_depend_on_the_number_of_processes(
    images: list[ImageSource], part: PartImages, tmp_path: Path
) -> None:
    one = check_all(part, images, 1)
    shards = {path.name: path.read_bytes() for path in part.shards.iterdir()}
    shutil.rmtree(part.directory)
    part.directory.mkdir()
    three = check_all(part, images, 3)
    assert one.outcomes == three.outcomes
    assert {path.name: path.read_bytes() for path in part.shards.iterdir()} == shards


def test_an_image_that_kills_its_process_is_the_only_fault(
    images: list[ImageSource], part: PartImages, tmp_path: Path
) -> None:
    deadly = ComputedImage(tmp_path / "0.jpg", "die", draw_or_fail)
    checks = check_all(part, [*images[:2], deadly, *images[2:]], 2)
    faults = {name for name, known in checks.outcomes.items() if isinstance(known, ImageFault)}
    assert faults == {describe_source(deadly)}
    assert sum(map(len, stored(part))) == len(images)


def test_a_process_that_is_killed_loses_no_image(
    images: list[ImageSource], part: PartImages
) -> None:
    with ChunkProcesses(part, lambda: 1) as processes:
        (first,) = processes.idle
        first.kill()
        checks = PartChecks(processes, id)
        checks.check(images)
    assert all(isinstance(outcome, StoredImage) for outcome in checks.outcomes.values())
    assert list(map(len, stored(part))) == [3, 3, 1]


def test_a_full_disk_in_a_process_is_an_error_of_the_caller(
    images: list[ImageSource], part: PartImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "board-00000.parquet")

    monkeypatch.setattr(chunk_processes, "write_chunk", full)
    with pytest.raises(OSError, match=r"No space left on device: 'board-00000\.parquet'"):
        check_all(part, images, 2)


def test_an_image_is_checked_once(images: list[ImageSource], part: PartImages) -> None:
    phases: list[PhaseProgress] = []
    with ChunkProcesses(part, lambda: 1) as processes:
        checks = PartChecks(processes, phases.append)
        checks.check([*images[:2], images[0]])
        checks.check(images)
    assert list(map(len, stored(part))) == [2, 3, 2]
    assert phases[-1] == PhaseProgress("board: checking", "images", 5, 5)


def test_equal_images_of_a_process_are_stored_once(
    images: list[ImageSource], part: PartImages, tmp_path: Path
) -> None:
    for number in (1, 5):
        (tmp_path / f"{number}.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    check_all(part, images, 1)
    assert list(map(len, stored(part))) == [2, 2, 1]


def test_an_image_that_no_instance_has_is_removed(
    images: list[ImageSource], part: PartImages
) -> None:
    checks = check_all(part, images, 1)
    ids = [known.id for known in checks.outcomes.values() if isinstance(known, StoredImage)]
    remove_unused_images(part, {*ids[:1], *ids[2:6]})
    assert stored(part) == [[ids[0], ids[2]], ids[3:6]]


def test_idle_workers_check_images_of_the_job_with_most_left() -> None:
    """Of five workers two are idle: the large job has three times as many images left."""
    processes = PartProcesses(None, 5)  # type: ignore[arg-type]
    sent: dict[str, list[int]] = {"small": [], "large": [], "reading": []}
    for name, messages in sent.items():
        child: Any = SimpleNamespace(connection=SimpleNamespace(send=messages.append))
        job: Any = SimpleNamespace(name=name)
        processes.running[name] = RunningPart(job, child, 0.0, 1)  # type: ignore[index]
    processes.phases = {
        "small": PhaseProgress("small: checking", "images", 900, 1_000),
        "large": PhaseProgress("large: checking", "images", 700, 1_000),
        "reading": PhaseProgress("reading: reading", "rows", 1, None),
    }
    processes.share_idle_workers()
    assert sent == {"small": [], "large": [2, 3], "reading": []}
    processes.share_idle_workers()
    assert sent["large"] == [2, 3]
