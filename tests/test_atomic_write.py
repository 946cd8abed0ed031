"""Directories that are complete or absent, also on a full disk, and that one process uses."""

import errno
import multiprocessing
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from visionflan.atomic_write import atomic_directory, sole_user


def save_on_full_disk(directory: Path) -> None:
    """Save weights in this process, whose files may have 10,000 bytes at most."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    with (
        pytest.raises(OSError, match="File too large") as raised,
        atomic_directory(directory) as temporary,
    ):
        save_file({"weight": torch.zeros(100_000)}, temporary / "model.safetensors")
    assert raised.value.errno == errno.EFBIG
    assert raised.value.filename == str(directory)


def test_weights_that_do_not_fit_on_the_disk_are_an_error_of_the_operating_system(
    tmp_path: Path,
) -> None:
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=save_on_full_disk, args=(tmp_path / "checkpoint",))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_weights_stay_as_they_are(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="os error 28"),
        atomic_directory(tmp_path / "checkpoint"),
    ):
        raise ValueError("not of a disk (os error 28)")


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from visionflan.atomic_write import sole_user\n"
        "with sole_user(pathlib.Path(sys.argv[1])):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(BlockingIOError), sole_user(tmp_path / "run"):
            pass
        process.kill()  # a lock ends with its holder
    with sole_user(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_new_directory_into_which_nothing_is_written_is_removed(tmp_path: Path) -> None:
    with sole_user(tmp_path / "refused"):
        assert (tmp_path / "refused").is_dir()
    assert not (tmp_path / "refused").exists()
    with sole_user(tmp_path / "run"):
        (tmp_path / "run" / "file").touch()
    assert (tmp_path / "run" / "file").exists()
