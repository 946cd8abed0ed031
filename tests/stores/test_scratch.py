"""Temporary copies go away, however the process that made them ends."""

import os
import signal
from pathlib import Path

import pytest

from visionflan.stores.scratch import open_scratch


def scratches(parent: Path) -> list[Path]:
    return list(parent.glob("visionflan-scratch-*"))


def test_a_scratch_directory_is_removed_also_on_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with open_scratch(tmp_path / "new") as directory:
            (directory / "copy").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert scratches(tmp_path / "new") == []


def test_that_of_a_killed_process_is_removed_by_the_next_and_no_other(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with open_scratch(tmp_path) as directory:
            (directory / "copy").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    (left,) = scratches(tmp_path)
    with open_scratch(tmp_path) as first:
        assert not left.exists()
        with open_scratch(tmp_path) as second:
            assert sorted(scratches(tmp_path)) == sorted([first, second])


def test_that_of_another_machine_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / f"visionflan-scratch-elsewhere-{os.getuid()}-x"
    other.mkdir()
    with open_scratch(tmp_path):
        pass
    assert other.exists()
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    with open_scratch(tmp_path):
        assert not other.exists()


def test_the_default_is_the_directory_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_scratch(None) as directory:
        assert directory.parent == tmp_path
