"""What fails for a minute is repeated; what will fail again is not."""

import errno
from collections.abc import Callable

import pytest

from visionflan.stores.patience import ATTEMPTS, MAX_DELAY_S, Patience, StoreError

URL = "s3://bucket/name"


class NoCredentialsError(Exception):
    """The error of botocore."""


class Harness:
    """A call that fails with some errors, one after another, and a record of the delays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0
        self.delays: list[float] = []
        self.lines: list[str] = []
        self.patience = Patience(self.lines.append)
        monkeypatch.setattr(Patience, "wait", lambda patience, s: self.delays.append(s))

    def run(self) -> str:
        """Make the call with patience."""
        return self.patience.call(URL, self.call)

    def call(self) -> str:
        """Fail with the next error, or return a word."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


Make = Callable[..., Harness]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes a call with errors."""
    return lambda *errors: Harness(monkeypatch, *errors)


def test_what_fails_for_more_than_a_minute_succeeds_in_the_end(make: Make) -> None:
    harness = make(*[ConnectionError("503 Slow Down") for _ in range(7)])
    assert harness.run() == "done"
    assert harness.calls == 8
    assert sum(harness.delays) > 60
    for number, delay in enumerate(harness.delays):
        assert min(2**number, MAX_DELAY_S) <= delay <= min(2**number + 1, MAX_DELAY_S)
    assert harness.lines[0].startswith(f"{URL}: ConnectionError: 503 Slow Down; trying again in ")


def test_what_fails_for_minutes_ends_with_a_sentence_that_names_the_url(make: Make) -> None:
    harness = make(*[TimeoutError("no answer.") for _ in range(100)])
    with pytest.raises(StoreError) as raised:
        harness.run()
    assert harness.calls == ATTEMPTS
    assert sum(harness.delays) > 3 * 60
    assert str(raised.value) == (
        f"{URL} cannot be read or written (in 12 attempts): TimeoutError: no answer; check the "
        "store and your rights, and run the same command again, which reuses what was finished"
    )


@pytest.mark.parametrize(
    "error",
    [PermissionError("403 Forbidden"), NoCredentialsError("no key"), ValueError("no bucket")],
    ids=["permission", "credentials", "value"],
)
def test_what_would_fail_again_is_not_repeated(make: Make, error: Exception) -> None:
    harness = make(error)
    cause = f"{type(error).__name__}: {error}"
    with pytest.raises(StoreError, match=f"^{URL} cannot be read or written: {cause}; check"):
        harness.run()
    assert (harness.calls, harness.lines) == (1, [])


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("nothing"), OSError(errno.ENOSPC, "No space left on device", "/disk/file")],
    ids=["missing", "full disk"],
)
def test_a_missing_file_and_a_full_disk_are_named_as_they_are(make: Make, error: OSError) -> None:
    harness = make(error)
    with pytest.raises(type(error)) as raised:
        harness.run()
    assert raised.value is error
    assert harness.calls == 1


def test_nothing_is_repeated_once_stopped(make: Make) -> None:
    harness = make(*[ConnectionError("503") for _ in range(3)])
    harness.patience.stop()
    with pytest.raises(StoreError):
        harness.run()
    assert harness.calls == 1
