"""Calls in the background: in order, one at a time, with their errors."""

from threading import Event, current_thread

import pytest

from visionflan.web.background import BackgroundCalls


def test_calls_are_made_one_at_a_time_in_the_order_in_which_they_came() -> None:
    background, order, allowed = BackgroundCalls(), list[int](), Event()
    busy = Event()

    def note(number: int) -> int:
        assert not busy.is_set()
        busy.set()
        assert allowed.wait(60)
        order.append(number)
        busy.clear()
        return number * number

    futures = [background.submit(note, number) for number in range(20)]
    assert not any(future.done() for future in futures)
    allowed.set()
    assert [future.result(60) for future in futures] == [number * number for number in range(20)]
    assert order == list(range(20))


def test_an_error_is_that_of_its_call_alone() -> None:
    background = BackgroundCalls()
    failed, parsed = background.submit(int, "x"), background.submit(int, "7")
    assert parsed.result(60) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(60)


def test_a_process_does_not_wait_for_its_calls() -> None:
    thread = BackgroundCalls().submit(current_thread).result(60)
    assert thread.daemon


def test_no_thread_stays_when_nothing_waits() -> None:
    background = BackgroundCalls()
    for _ in range(3):
        thread = background.submit(current_thread).result(60)
        thread.join(60)
        assert not thread.is_alive()
