"""Damaged files of an interrupted or finished build give one sentence, or are made anew."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, MakeBoard, files_of, row_of, write_board
from visionflan import catalog
from visionflan.builder.chunk_processes import ChunkProcesses
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.storage import image_shards
from visionflan.storage.directory import BuildDirectory

SETTINGS = BuildSettings(tasks=("board",), hold_out_images=0.2)
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "other": lambda content: b"[1, 2]",
    "no object": lambda content: b"{}",
    "not text": lambda content: b"\xff\xfe" + content,
    "nested": lambda content: b"[" * 100_000,
    "long number": lambda content: b'{"format": ' + b"9" * 5_000 + b"}",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a release, not to be changed."""
    data = tmp_path_factory.mktemp("releases") / "data"
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(30)]
    write_board(data / "board", [*rows, "{broken"], 30)
    return data


@pytest.fixture(scope="module", autouse=True)
def small_shards() -> Iterator[None]:
    """Make small builds have many shards, and add the dataset to the catalog."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_shards, "GROUP_IMAGES", 4)
        patch.setattr(image_shards, "SHARD_BYTES", 20_000)
        patch.setattr(catalog, "loose_files", {"board": BOARD_FILE})
        catalog.load.cache_clear()
        yield
    catalog.load.cache_clear()


@pytest.fixture(scope="module")
def finished(data: Path, small_shards: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished build, not to be changed."""
    out = tmp_path_factory.mktemp("finished") / "out"
    build(data, out, SETTINGS, workers=1)
    return out


@pytest.fixture(scope="module")
def clean(finished: Path) -> dict[str, bytes]:
    """Return the files of a build that nothing interrupted."""
    return files_of(finished)


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished build, to damage."""
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture(scope="module")
def stopped(data: Path, small_shards: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build that was interrupted after some shards, not to be changed."""
    out = tmp_path_factory.mktemp("stopped") / "out"
    interrupt(data, out, after="shards")
    return out


def interrupt(data: Path, out: Path, *, after: str) -> None:
    """Interrupt a build after some shards, or when all parts are complete."""
    with pytest.MonkeyPatch.context() as patch:
        if after == "parts":
            patch.setattr("visionflan.builder.run.assemble", stop)
        else:
            receive = ChunkProcesses.receive

            def stop_after_two(self: ChunkProcesses, *arguments: Any) -> None:
                receive(self, *arguments)
                if len(list(self.part.directory.glob("metadata-*"))) == 2:
                    raise KeyboardInterrupt

            patch.setattr(ChunkProcesses, "receive", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            build(data, out, SETTINGS, workers=1)


def stop(*args: Any, **settings: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("after", ["shards", "parts"])
def test_every_state_file_may_be_damaged(
    tmp_path: Path, data: Path, clean: dict[str, bytes], after: str
) -> None:
    interrupt(data, tmp_path / "state", after=after)
    state = sorted(p for p in (tmp_path / "state/.parts").rglob("*") if p.is_file())
    names = [path.relative_to(tmp_path / "state") for path in state if path.name != "lock"]
    assert len(names) >= 4
    for number, name in enumerate(names):
        out = tmp_path / str(number)
        shutil.copytree(tmp_path / "state", out)
        damage = list(DAMAGES.values())[number % len(DAMAGES)]
        (out / name).write_bytes(damage((out / name).read_bytes()))
        build_again_if_damaged(data, out)
        assert files_of(out) == clean, name


@pytest.mark.parametrize("damage", ["empty", "cut"])
def test_a_shard_that_is_cut_off_is_written_again(
    tmp_path: Path, data: Path, stopped: Path, clean: dict[str, bytes], damage: str
) -> None:
    out = shutil.copytree(stopped, tmp_path / "out")
    shard = out / "images/board-00000.parquet"
    shard.write_bytes(DAMAGES[damage](shard.read_bytes()))
    build(data, out, SETTINGS, workers=1)
    assert files_of(out) == clean


def build_again_if_damaged(data: Path, out: Path) -> None:
    """Build; if damage is noticed late, the first run says so and the second mends it."""
    try:
        build(data, out, SETTINGS, workers=1)
    except BuildError as error:
        if "run the same command again" not in str(error):
            raise
        build(data, out, SETTINGS, workers=1)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest_is_refused_by_readers_and_made_anew_by_a_build(
    out: Path, data: Path, clean: dict[str, bytes], damage: str
) -> None:
    manifest = out / "manifest.json"
    manifest.write_bytes(DAMAGES[damage](manifest.read_bytes()))
    with pytest.raises(BuildError, match=r"is damaged|has build format"):
        BuildDirectory(out)
    build(data, out, SETTINGS, workers=1)
    assert files_of(out) == clean


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_finished_build_whose_start_is_damaged_is_refused(
    out: Path, data: Path, damage: str
) -> None:
    started = out / ".parts/started.json"
    started.write_bytes(DAMAGES[damage](started.read_bytes()))
    with pytest.raises(BuildError, match="is damaged and no longer says what was built"):
        build(data, out, SETTINGS, workers=1)
    assert len(BuildDirectory(out).instances()) == 60


def test_a_damaged_copy_for_random_access_is_written_again(make: MakeBoard) -> None:
    build = make([row_of(n) for n in range(5)], 5)
    texts = [instance.text for instance in build.instances()]
    (copy,) = (build.path / ".cache").rglob("instances.arrow")
    copy.write_bytes(copy.read_bytes()[:1_000])
    assert [i.text for i in BuildDirectory(build.path).instances()] == texts


def read_all(path: Path) -> None:
    """Read all instances and images."""
    build = BuildDirectory(path)
    for instance in build.instances():
        build.image(instance.images[0])


def test_damaged_tables_of_a_finished_build_are_named(make: MakeBoard) -> None:
    build = make([row_of(n) for n in range(5)], 5)
    for name in ("images.index", "instances/board.ask.parquet"):
        path = build.path / name
        content = path.read_bytes()
        shutil.rmtree(build.path / ".cache", ignore_errors=True)
        path.write_bytes(random.Random(0).randbytes(len(content)))
        with pytest.raises(BuildError, match=f"{path.name} is damaged"):
            read_all(build.path)
        path.write_bytes(content)
