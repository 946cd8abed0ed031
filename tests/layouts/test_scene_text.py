"""Scene text is transcribed row by row, whatever order a release lists it in."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.dataset import BrokenRow
from visionflan.drawing import Box
from visionflan.errors import UnusableError
from visionflan.layouts.scene_text import (
    Part,
    Piece,
    TextRow,
    bounding_box,
    read_part,
    reading_order,
)
from visionflan.layouts.scene_text import transcription as transcribed


def piece(text: str, left: float, top: float, height: float = 10) -> Piece:
    return Piece(text, Box(left, top, left + 20, top + height))


def row(*pieces: Piece) -> TextRow:
    return TextRow("key", Path("sign.jpg"), pieces)


PIECES = st.lists(
    st.builds(
        piece,
        st.sampled_from(["A", "B", "C"]),
        st.integers(0, 50),
        st.integers(0, 50),
        st.integers(0, 30),
    ),
    max_size=8,
)


@given(PIECES, st.randoms(use_true_random=False))
def test_reading_order_is_that_of_the_image_and_loses_nothing(
    pieces: list[Piece], chance: Random
) -> None:
    mixed = list(pieces)
    chance.shuffle(mixed)
    assert reading_order(mixed) == reading_order(pieces)
    assert sorted(reading_order(mixed)) == sorted(pieces)


def test_words_that_are_nearly_level_are_read_from_left_to_right() -> None:
    text_row = row(
        piece("low", 0, 40), piece("right", 50, 8), piece("left", 5, 11), piece("#", 0, 60)
    )
    example = transcribed(text_row)
    assert example.target == "left; right; low"
    assert example.repaired == ("illegible_left_out",)


def test_a_small_word_next_to_a_tall_one_keeps_its_own_row() -> None:
    assert transcribed(row(piece("tall", 30, 0, 100), piece("small", 0, 0))).target == "small; tall"


@pytest.mark.parametrize(
    ("text", "reason"), [("###", "no_legible_text"), ("a;b", "semicolon_in_text")]
)
def test_text_that_cannot_be_listed_is_counted_as_unusable(text: str, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        transcribed(row(piece(text, 0, 0)))


def test_a_label_that_cannot_be_read_is_one_broken_row(tmp_path: Path) -> None:
    (tmp_path / "sign.JPG").touch()
    labels = [tmp_path / "sign.txt", tmp_path / "other.txt"]

    def parse(path: Path) -> list[Piece]:
        return (
            [Piece("A", bounding_box([1, 2], [3]))] if path.stem == "other" else [piece("A", 0, 0)]
        )

    good, broken = read_part(Part("train", labels, tmp_path), str, parse)
    assert isinstance(good, TextRow)
    assert good.image == tmp_path / "sign.JPG"
    assert isinstance(broken, BrokenRow)
    assert (broken.key, broken.reason) == ("train/other", "malformed_record")
