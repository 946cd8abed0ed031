"""The time of datasets side by side: of one worker it is their sum, of many that of the longest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.builder.schedule import DatasetWork, makespan

Work = tuple[float, int, float]
WORKS = st.lists(
    st.tuples(st.floats(0.1, 1e4), st.integers(1, 9), st.floats(0.1, 1e4)), min_size=1, max_size=20
)


def time_of(works: list[Work], workers: int) -> float:
    return makespan([DatasetWork(*work) for work in works], workers)


@given(WORKS, st.integers(1, 20))
def test_the_time_is_within_the_bounds_of_list_scheduling(works: list[Work], workers: int) -> None:
    seconds = [images + other for images, _, other in works]
    shared = [images / min(chunks, workers) + other for images, chunks, other in works]
    end = time_of(works, workers)
    assert max(*shared, sum(seconds) / workers) <= end * (1 + 1e-9)
    assert end <= (sum(seconds) / workers + max(seconds)) * (1 + 1e-9)
    assert time_of(works, 1) == pytest.approx(sum(seconds))


@given(WORKS)
def test_with_enough_workers_each_chunk_has_its_own(works: list[Work]) -> None:
    longest = max(images / chunks + other for images, chunks, other in works)
    assert time_of(works, 1_000) == pytest.approx(longest)


def test_an_idle_worker_checks_images_of_another_dataset() -> None:
    assert time_of([(2.0, 1, 0.0), (10.0, 5, 1.0)], 2) == pytest.approx(7)
    assert time_of([(2.0, 1, 0.0), (10.0, 1, 1.0)], 2) == pytest.approx(11)
    assert makespan([], 2) == 0
