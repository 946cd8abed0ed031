"""Choices by hash: reproducible, without repeats, never an item to avoid."""

from hypothesis import given
from hypothesis import strategies as st

from visionflan.hashing import NUM_HASHES, hash_fraction, pick, shuffled, stable_hash

parts = st.lists(st.one_of(st.text(), st.integers()), max_size=4)


def test_a_hash_is_the_same_on_every_machine() -> None:
    assert stable_hash("caltech101", 0) == 13173277037860635884


@given(parts)
def test_hashes_and_fractions_stay_in_their_range(hash_parts: list[str | int]) -> None:
    assert 0 <= stable_hash(*hash_parts) < NUM_HASHES
    assert 0 <= hash_fraction(*hash_parts) < 1


@given(st.lists(st.integers()), parts)
def test_shuffling_keeps_every_item(items: list[int], hash_parts: list[str | int]) -> None:
    assert sorted(shuffled(items, *hash_parts)) == sorted(items)


@given(st.lists(st.integers(0, 30)), st.integers(0, 40), parts, st.sets(st.integers(0, 30)))
def test_picking_returns_as_many_distinct_items_as_there_are(
    pool: list[int], count: int, hash_parts: list[str | int], avoid: set[int]
) -> None:
    sample = pick(pool, count, *hash_parts, avoid=avoid)
    allowed = set(pool) - avoid
    assert len(sample) == len(set(sample)) == min(count, len(allowed))
    assert set(sample) <= allowed


def test_every_position_of_a_shuffle_is_equally_likely() -> None:
    first = [shuffled("abcd", "order", index)[0] for index in range(4000)]
    assert all(900 < first.count(letter) < 1100 for letter in "abcd")
