"""Parts are built side by side and independently; together they make the same build."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import BOARD_FILE, files_of, row_of, write_board
from visionflan import catalog
from visionflan.builder import part_processes
from visionflan.builder.instance_builder import InstanceBuilder
from visionflan.builder.part_job import PartJob
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.storage import image_shards
from visionflan.storage.directory import BuildDirectory

NAMES = ("board", "other", "twin")
SETTINGS = BuildSettings(tasks=NAMES, hold_out_images=0.2)


def use_dataset_files(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Add the datasets to the catalog, and make small builds have many shards."""
    patch.setattr(image_shards, "GROUP_IMAGES", 4)
    patch.setattr(image_shards, "SHARD_BYTES", 20_000)
    files = {name: directory / f"{name}.py" for name in NAMES}
    for file in files.values():
        shutil.copy(BOARD_FILE, file)
    patch.setattr(catalog, "loose_files", files)
    catalog.load.cache_clear()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build three releases, of which the last has images of the first; nothing may change them."""
    directory = tmp_path_factory.mktemp("finished")
    data = directory / "data"
    write_release(data, "board", range(24))
    write_release(data, "other", range(40, 52))
    write_release(data, "twin", range(12, 36))
    with pytest.MonkeyPatch.context() as patch:
        use_dataset_files(directory, patch)
        build(data, directory / "out", SETTINGS, workers=1)
    catalog.load.cache_clear()
    return directory / "out"


@pytest.fixture(scope="module")
def clean(finished: Path) -> dict[str, bytes]:
    """Return the files of the finished build."""
    return files_of(finished)


@pytest.fixture(autouse=True)
def data(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the releases, to change."""
    use_dataset_files(tmp_path, monkeypatch)
    return shutil.copytree(finished.parent / "data", tmp_path / "data")


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished build, to update."""
    return shutil.copytree(finished, tmp_path / "out", ignore=shutil.ignore_patterns(".cache"))


def write_release(data: Path, name: str, numbers: range) -> None:
    write_board(data / name, [row_of(n) for n in numbers], numbers.stop)
    for number in range(numbers.start):
        (data / name / f"images/{number}.jpg").unlink()


def stored_ids(out: Path) -> list[str]:
    """Return the ids of the images in all shards."""
    shards = sorted((out / "images").glob("*.parquet"))
    return [image for shard in shards for image in pq.read_table(shard)["id"].to_pylist()]


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_parts_in_processes_make_the_same_build(
    data: Path, finished: Path, tmp_path: Path, start_method: str
) -> None:
    one, out, workers = finished, tmp_path / "out", 3
    if start_method == "spawn":  # such a process has the sizes of shards of a real build
        image_shards.GROUP_IMAGES, image_shards.SHARD_BYTES = 100, 128 << 20
        one, workers = tmp_path / "one", 2
        build(data, one, SETTINGS, workers=1)
    manifest = build(data, out, SETTINGS, workers=workers, start_method=start_method)
    assert manifest == BuildDirectory(one).manifest
    assert files_of(out) == files_of(one)


def test_an_image_of_several_datasets_is_stored_once(finished: Path) -> None:
    ids = stored_ids(finished)
    assert len(ids) == len(set(ids)) == 48
    directory = BuildDirectory(finished, verify=True)
    for instance in directory.instances():
        assert directory.image(instance.images[0])


def test_a_shard_of_repeated_images_alone_goes_away(data: Path, tmp_path: Path) -> None:
    write_release(data, "twin", range(24))
    build(data, tmp_path / "out", SETTINGS, workers=1)
    assert len(stored_ids(tmp_path / "out")) == 36
    assert not list((tmp_path / "out/images").glob("twin*"))


def test_a_process_that_dies_costs_its_dataset_alone(
    clean: dict[str, bytes], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_task = InstanceBuilder.build_task

    def die(self: InstanceBuilder, *arguments: Any) -> None:
        if self.release.name == "other":
            os.kill(os.getpid(), signal.SIGKILL)
        build_task(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(InstanceBuilder, "build_task", die)
        manifest = build(data, tmp_path / "out", SETTINGS, workers=2)
    message = manifest["datasets"]["other"]["message"]
    assert message == "the process that builds it was ended by SIGKILL"
    assert manifest["tasks"]["twin/ask"]["written"] == 24
    build(data, tmp_path / "out", SETTINGS, workers=2)
    assert files_of(tmp_path / "out") == clean


def test_a_process_that_is_killed_from_outside_is_replaced(
    clean: dict[str, bytes], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_task = InstanceBuilder.build_task

    def die_once(self: InstanceBuilder, *arguments: Any) -> None:
        build_task(self, *arguments)
        if self.release.name == "other" and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(InstanceBuilder, "build_task", die_once)
        build(data, tmp_path / "out", SETTINGS, workers=2)
    assert (tmp_path / "died").exists()
    assert files_of(tmp_path / "out") == clean


def test_a_full_disk_in_one_process_ends_the_build(
    clean: dict[str, bytes], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(job: PartJob, *arguments: object) -> None:
        raise OSError(28, "No space left on device", str(job.directory / "instances.parquet"))

    with monkeypatch.context() as patch:
        patch.setattr(part_processes, "build_part", full)
        with pytest.raises(OSError, match=r"No space left on device: .*instances\.parquet"):
            build(data, tmp_path / "out", SETTINGS, workers=2)
    assert not (tmp_path / "out/manifest.json").exists()
    build(data, tmp_path / "out", SETTINGS, workers=2)
    assert files_of(tmp_path / "out") == clean


def test_a_finished_build_grows_by_a_dataset(
    clean: dict[str, bytes], data: Path, tmp_path: Path, built: list[str]
) -> None:
    (data / "other").rename(tmp_path / "later")
    build(data, tmp_path / "out", SETTINGS, workers=1)
    (tmp_path / "later").rename(data / "other")
    with pytest.raises(BuildError, match="or --update to build again what changed"):
        build(data, tmp_path / "out", SETTINGS, workers=1)
    assert BuildDirectory(tmp_path / "out").digest
    del built[:]
    build(data, tmp_path / "out", SETTINGS, workers=1, update=True)
    assert built == ["other"]
    assert files_of(tmp_path / "out") == clean


def test_other_settings_of_the_split_build_nothing_again(
    data: Path, out: Path, tmp_path: Path, built: list[str]
) -> None:
    settings = BuildSettings(tasks=("board", "twin"), hold_out_images=0.5)
    assert BuildDirectory(out).table.num_rows
    (copied,) = (out / ".cache").iterdir()
    build(data, out, settings, workers=1, update=True)
    assert built == []
    assert not copied.exists()  # of the instances before
    build(data, tmp_path / "clean", settings, workers=1)
    assert files_of(out) == files_of(tmp_path / "clean")


def test_a_part_is_built_again_if_another_stored_its_images_and_changed(
    data: Path, out: Path, tmp_path: Path, built: list[str]
) -> None:
    write_release(data, "board", range(6))
    build(data, out, SETTINGS, workers=1, update=True)
    assert built == ["board", "twin"]
    build(data, tmp_path / "clean", SETTINGS, workers=1)
    assert files_of(out) == files_of(tmp_path / "clean")


def test_an_update_of_what_has_not_changed_does_nothing(
    data: Path, out: Path, built: list[str]
) -> None:
    first = BuildDirectory(out).manifest
    assert build(data, out, SETTINGS, workers=1, update=True) == first
    assert built == []


def test_the_command_updates_a_build(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build", "--data-root", str(data), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main([*command, "--tasks", "board"]) == 0
    assert main([*command, "--tasks", "board"]) == 0
    assert "out is complete: nothing had to be built\n" in capsys.readouterr().err
    assert main([*command, "--tasks", "board", "twin"]) == 1
    assert "other settings (tasks): use the same settings" in capsys.readouterr().err
    assert main([*command, "--tasks", "board", "twin", "--update"]) == 0
    assert "board: reused from the previous run" in capsys.readouterr().err
