"""Choices by hash: the same everywhere, without repeats, never what is to be avoided."""

from hypothesis import given
from hypothesis import strategies as st

from visionflan.hashing import NUM_HASHES, hash_fraction, pick, shuffled, stable_hash

parts = st.lists(st.one_of(st.text(), st.integers()), max_size=4)


def test_a_rank_is_the_same_on_every_machine_and_day() -> None:
    assert stable_hash("caltech101", 0) == 13173277037860635884


@given(parts)
def test_ranks_and_fractions_stay_in_their_range(words: list[str | int]) -> None:
    assert 0 <= stable_hash(*words) < NUM_HASHES
    assert 0 <= hash_fraction(*words) < 1


@given(st.lists(st.integers()), parts)
def test_shuffling_keeps_every_item(items: list[int], words: list[str | int]) -> None:
    assert sorted(shuffled(items, *words)) == sorted(items)


@given(st.lists(st.integers(0, 30)), st.integers(0, 40), parts, st.sets(st.integers(0, 30)))
def test_drawing_gives_as_many_different_items_as_there_are(
    pool: list[int], count: int, words: list[str | int], avoid: set[int]
) -> None:
    drawn = pick(pool, count, *words, avoid=avoid)
    allowed = set(pool) - avoid
    assert len(drawn) == len(set(drawn)) == min(count, len(allowed))
    assert set(drawn) <= allowed


def test_every_place_of_a_shuffle_is_equally_likely() -> None:
    first = [shuffled("abcd", "order", index)[0] for index in range(4000)]
    assert all(900 < first.count(letter) < 1100 for letter in "abcd")
