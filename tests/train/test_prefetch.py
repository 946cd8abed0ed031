"""Prefetching returns results in order, prepares few items in advance, and passes errors on."""

import pytest

from visionflan.train.prefetch import prefetch


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_results_are_in_the_order_of_the_items(num_workers: int) -> None:
    assert list(prefetch(lambda n: n * n, range(50), num_workers=num_workers)) == [
        n * n for n in range(50)
    ]
    assert list(prefetch(str, [], num_workers=num_workers)) == []


@pytest.mark.parametrize(("num_workers", "in_advance"), [(0, 0), (1, 2), (3, 6)])
def test_only_a_few_items_are_taken_in_advance(num_workers: int, in_advance: int) -> None:
    items = iter(range(50))
    results = prefetch(str, items, num_workers=num_workers)
    assert next(results) == "0"
    assert next(items) == 1 + in_advance


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_error_is_raised_at_its_item(num_workers: int) -> None:
    results = prefetch(lambda n: 6 // n, [3, 2, 0, 1], num_workers=num_workers)
    assert next(results) == 2
    assert next(results) == 3
    with pytest.raises(ZeroDivisionError):
        next(results)
