"""The processes that check images may be killed at any moment: nothing is lost or hangs."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.board import board_image, draw_or_fail
from visionflan.builder.child_process import ChildProcess, interrupts_blocked, process_context
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_workers import ImageFault
from visionflan.errors import BuildError
from visionflan.image_sources import ComputedImage, ImageSource
from visionflan.storage.image_checks import ValidImage

TIME_LIMIT_S = 30


@pytest.fixture
def images(tmp_path: Path) -> list[ImageSource]:
    """Write images whose outcomes are larger than what a pipe holds."""
    paths = [tmp_path / f"{number}.bmp" for number in range(60)]
    for number, path in enumerate(paths):
        path.write_bytes(board_image(number, "BMP") * (1 if number % 2 else 12))
    return list(paths)


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """End a test that hangs."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TIME_LIMIT_S)
    yield
    signal.alarm(0)


def test_the_seconds_of_a_pool_are_those_of_its_checks_alone(images: list[ImageSource]) -> None:
    with ImageCheckPool(1) as pool:
        start = time.perf_counter()
        for _ in pool.check(images[:16]):
            time.sleep(0.01)  # what the caller does with an outcome
        elapsed = time.perf_counter() - start
        checked = pool.seconds
        list(pool.check(images[16:32]))
        assert 0 < checked < elapsed - 0.16
        assert pool.seconds > checked


def test_killed_processes_lose_no_image(images: list[ImageSource]) -> None:
    with ImageCheckPool(2) as pool:
        outcomes = []
        for number, (_, outcome) in enumerate(pool.check(images)):
            outcomes.append(outcome)
            if number % 10 == 0:
                pool.workers[number // 10 % 2].process.kill()
    assert all(isinstance(outcome, ValidImage) for outcome in outcomes)
    assert len(outcomes) == len(images)


def test_an_image_that_kills_its_process_is_the_only_fault(
    images: list[ImageSource], tmp_path: Path
) -> None:
    deadly = ComputedImage(tmp_path, "die", draw_or_fail)
    with ImageCheckPool(2) as pool:
        outcomes = dict(pool.check([*images[:11], deadly, *images[11:]]))
    faults = {image for image, outcome in outcomes.items() if isinstance(outcome, ImageFault)}
    assert faults == {deadly}


def killed_twice(source: Path, location: str) -> Image.Image:
    """Draw an image in the third process that tries; the others are killed as by the system."""
    with source.open("a") as attempts:
        attempts.write("attempt\n")
    if len(source.read_text().splitlines()) < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw_or_fail(source, location)


def test_a_process_killed_while_it_checks_an_image_alone_is_replaced(tmp_path: Path) -> None:
    image = ComputedImage(tmp_path / "attempts", "red", killed_twice)
    with ImageCheckPool(1) as pool:
        ((_, outcome),) = pool.check([image])
    assert isinstance(outcome, ValidImage)


def test_an_interrupt_ends_the_processes_at_once(images: list[ImageSource], tmp_path: Path) -> None:
    endless = [ComputedImage(tmp_path / str(n), "hang", draw_or_fail) for n in range(20)]
    start = time.monotonic()
    pool = ImageCheckPool(2)
    processes = [worker.process.process for worker in pool.workers]
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), pool:
        list(pool.check([*images, *endless]))
    assert time.monotonic() - start < 10
    assert not any(process.is_alive() for process in processes)
    assert not any(thread.is_alive() for thread in pool.threads)


def test_a_stopped_pool_starts_no_process(images: list[ImageSource]) -> None:
    with ImageCheckPool(1) as pool:
        (worker,) = pool.workers
        worker.kill()
        with pytest.raises(BuildError, match="were stopped"):
            list(pool.check(images))


def test_an_image_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    image = ComputedImage(tmp_path, "local", lambda source, location: draw_or_fail(source, "red"))
    with ImageCheckPool(1) as pool, pytest.raises(BuildError, match="cannot be sent to a worker"):
        list(pool.check([image]))


def end_at_once(connection: object) -> None:
    """Write half a message, and end."""
    os.write(connection.fileno(), b"\x00\x00\x10\x00half")  # type: ignore[attr-defined]
    os._exit(3)


def test_half_a_message_of_a_dead_process_is_its_end() -> None:
    child = ChildProcess(process_context(), end_at_once)
    with pytest.raises(OSError, match="end of file during message"):
        child.connection.recv()
    assert child.describe_end() == "ended with exit code 3"
    child.close()


def test_interrupts_are_blocked_only_meanwhile() -> None:
    with interrupts_blocked():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
