"""A build directory is written from existing instances."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.board import MakeBoard, row_of
from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.image_store import ImageStore
from visionflan.builder.output_dir import WRITER_MARK
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError, UnusableError
from visionflan.storage.directory import BuildDirectory


def test_a_failed_block_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    def fail() -> None:
        with DirectoryWriter(tmp_path / "b", {"name": "failed"}) as writer:
            writer.add_image(b"<html>")

    with pytest.raises(UnusableError, match="web page"):
        fail()
    with pytest.raises(BuildError, match="has no manifest"):
        BuildDirectory(tmp_path / "b")
    assert not list(tmp_path.iterdir())
    with DirectoryWriter(tmp_path / "b", {"name": "again"}):
        pass
    assert len(BuildDirectory(tmp_path / "b").instances()) == 0


def interrupt(out: Path) -> None:
    """Leave a directory as a killed writer leaves it."""
    writer = DirectoryWriter(out, {"name": "killed"}).__enter__()
    writer.add_image(draw_image(0))
    writer.image_store.close()
    shutil.copytree(out, out.with_name("copy"))
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    out.with_name("copy").rename(out)


def test_a_directory_that_an_interrupted_writer_left_is_written_again(tmp_path: Path) -> None:
    interrupt(tmp_path / "b")
    assert list((tmp_path / "b").rglob("*.parquet"))
    with DirectoryWriter(tmp_path / "b", {"name": "again"}):
        pass
    assert BuildDirectory(tmp_path / "b").manifest["about"]["name"] == "again"


def test_no_mark_of_a_writer_lets_a_later_one_delete_a_build(make: MakeBoard) -> None:
    build = make([row_of(0)], images=1)
    out = build.path
    (out / WRITER_MARK).parent.mkdir(exist_ok=True)
    (out / WRITER_MARK).write_text("{}")
    with pytest.raises(BuildError, match="contains a build"), DirectoryWriter(out, {}):
        pass
    assert BuildDirectory(out).digest == build.digest


def test_a_build_refuses_what_an_interrupted_writer_left(make: MakeBoard, tmp_path: Path) -> None:
    interrupt(tmp_path / "out")
    with pytest.raises(BuildError, match="an import that was interrupted"):
        make([row_of(0)], images=1)
    with DirectoryWriter(tmp_path / "out", {"name": "again"}):
        pass


def test_a_directory_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    with DirectoryWriter(tmp_path / "b", {"name": "one"}):
        source = (
            "from visionflan.builder.directory_writer import DirectoryWriter\n"
            f"with DirectoryWriter({str(tmp_path / 'b')!r}, {{}}): pass"
        )
        second = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
        assert b"another build is writing" in second.stderr
    assert BuildDirectory(tmp_path / "b").manifest["about"]["name"] == "one"


def test_a_writer_that_cannot_finish_its_files_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(ImageStore, "close", fail)
    with pytest.raises(OSError, match="full"), DirectoryWriter(tmp_path / "b", {}):
        pass
    with pytest.raises(OSError, match="full"), DirectoryWriter(tmp_path / "b", {}):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_build_that_cannot_be_assembled_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with DirectoryWriter(tmp_path / "b", {}) as writer:
            writer.add_instance(instance("1", (writer.add_image(draw_image(0)),)))

    (tmp_path / "b").mkdir()
    with pytest.raises(BuildError, match="call add_task"):
        write()
    assert not list((tmp_path / "b").iterdir())


def test_a_directory_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BuildError, match="not empty"), DirectoryWriter(tmp_path, {}):
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_instance_about_an_image_that_is_not_there_is_refused(tmp_path: Path) -> None:
    def write() -> None:
        with DirectoryWriter(tmp_path / "b", {}) as writer:
            writer.add_instance(instance("1", ("0" * 64,)))

    with pytest.raises(BuildError, match="not stored"):
        write()


def test_an_image_on_both_sides_is_refused(tmp_path: Path) -> None:
    def write() -> None:
        with DirectoryWriter(tmp_path / "b", {}) as writer:
            image_id = writer.add_image(draw_image(0))
            writer.add_task("drawn/color", INFO)
            writer.add_instance(instance("1", (image_id,)))
            writer.add_instance(instance("2", (image_id,))._replace(split="held_out"))

    with pytest.raises(BuildError, match="both held out and in training"):
        write()


def test_the_writer_holds_out_when_configured_to(tmp_path: Path) -> None:
    hold_out = HoldOutConfig(image_fraction=0.3, tasks=(), seed=1)
    with DirectoryWriter(tmp_path / "b", {}, hold_out=hold_out) as writer:
        writer.add_task("drawn/color", INFO)
        for number in range(100):
            writer.add_instance(instance(str(number), (writer.add_image(draw_image(number)),)))
    directory = BuildDirectory(tmp_path / "b")
    held_out = directory.instances("held_out")
    assert 15 <= len(held_out) <= 45
    assert len(held_out) + len(directory.instances("train")) == 100
