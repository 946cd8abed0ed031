"""Where there is no terminal, progress is a plain line every 30 seconds."""

import io

import pytest

from visionflan.progress import LINE_INTERVAL_S, ProgressBar, duration


class FakeClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_line_comes_every_30_seconds_with_rate_and_time_left(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressBar("base", 400, unit="steps", initial=100, clock=clock) as bar:
        for _ in range(100):
            clock.now += 1
            bar.update()
    assert capsys.readouterr().err.splitlines() == [
        "base: 130 of 400 steps, 1.0/s, 4 min 30 s left",
        "base: 160 of 400 steps, 1.0/s, 4 min 0 s left",
        "base: 190 of 400 steps, 1.0/s, 3 min 30 s left",
    ]


def test_slow_steps_have_a_line_each_and_a_note(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = ProgressBar("chat", 3, unit="steps", clock=clock)
    for loss in ("2.5", "1.5"):
        clock.now += 4 * LINE_INTERVAL_S
        bar.update(1, f"loss {loss}")
    assert capsys.readouterr().err.splitlines() == [
        "chat: 1 of 3 steps, 120.0 s each, 4 min 0 s left, loss 2.5",
        "chat: 2 of 3 steps, 120.0 s each, 2 min 0 s left, loss 1.5",
    ]


def test_work_of_unknown_length_has_no_time_left(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = ProgressBar("coco: reading", unit="rows", clock=clock)
    clock.now += 40
    bar.advance_to(80_000)
    assert capsys.readouterr().err == "coco: reading: 80,000 rows, 2,000.0/s\n"


def test_quick_work_and_other_processes_say_nothing(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(ProgressBar("a", 3, unit="rows", clock=clock).iterate("abc")) == list("abc")
    silent = ProgressBar("b", 3, unit="rows", silent=True, clock=clock)
    clock.now += 3600
    silent.update()
    silent.close()
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressBar("base", 4, unit="steps", leave=True, clock=clock) as bar:
        for _ in range(4):
            clock.now += 60
            bar.update(1, "loss 0.5")
    assert "base: 100%" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()
    assert "left" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3_599, "59 min 59 s"), (7_260, "2 h 1 min")],
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
