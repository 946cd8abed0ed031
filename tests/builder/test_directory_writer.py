"""A build directory is written from existing instances."""

from pathlib import Path

import pytest

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
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
    with DirectoryWriter(tmp_path / "b", {"name": "again"}):
        pass
    assert len(BuildDirectory(tmp_path / "b").instances()) == 0


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
