"""What is written at once is, after a kill at any moment, complete or written again."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.helpers.board import files_of
from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan import atomic_write
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}  # of a file system
MOST_CHANGES = 300
IMAGE = draw_image(0)


def write(out: Path, *, fails: bool = False) -> None:
    with DirectoryWriter(out, {"name": "drawn"}) as writer:
        writer.add_task("drawn/color", INFO)
        writer.add_instance(instance("1", (writer.add_image(IMAGE),)))
        if fails:
            raise BuildError("the release ends in the middle")


def is_change(event: str, values: tuple[object, ...]) -> bool:
    """Return whether an event of Python's audit changes a file system."""
    return event in CHANGES or (event == "open" and bool(int(str(values[2])) & os.O_ACCMODE))


def killed_at(change: int, out: Path, *, fails: bool) -> bool:
    """Write in a process that is killed before its n-th change of files; return if it was."""
    child = os.fork()
    if child == 0:
        left = change

        def kill_at_change(event: str, values: tuple[object, ...]) -> None:
            nonlocal left
            if is_change(event, values):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_at_change)
        try:
            write(out, fails=fails)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] != 0


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_a_writer_killed_at_any_moment_can_write_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setattr(atomic_write, "fsync_path", str)  # of no use to a process that is killed
    write(tmp_path / "clean")
    out, kills, complete = tmp_path / "out", 0, 0
    while kills < MOST_CHANGES and killed_at(kills + 1, out, fails=fails):
        kills += 1
        if (out / "manifest.json").exists():
            complete += 1
            assert not fails
            assert BuildDirectory(out, verify=True).digest
            with pytest.raises(BuildError, match="already contains a build: choose a new"):
                write(out)
        else:
            write(out)
            assert files_of(out) == files_of(tmp_path / "clean")
        shutil.rmtree(out)
    assert kills > 20
    assert fails or complete > 2
