"""SemArt: what is mended in its words, and what names nothing."""

from pathlib import Path

import pytest

from visionflan.datasets.semart import Row, image_description, image_school, image_technique
from visionflan.errors import UnusableError

PAINTING = Row("1.jpg", Path("1.jpg"), "", "", "landscape", "Dutch", "1601-1650")


@pytest.mark.parametrize(
    ("written", "technique"),
    [
        ("Oil on canvas, 73,5 x 100 cm", "Oil on canvas"),
        ("Tempera on paper, mounted on wood, 23 x 16 cm", "Tempera on paper, mounted on wood"),
        ("Fresco, width 325 cm", "Fresco"),
        ("Oil on oak panel, diameter 22,5 cm (each)", "Oil on oak panel"),
        (
            "Oil on canvas (transferred from wood), 120 x 80",
            "Oil on canvas (transferred from wood)",
        ),
        ("Tempera on 2 panels", "Tempera on 2 panels"),
    ],
)
def test_the_size_of_a_painting_is_left_out(written: str, technique: str) -> None:
    example = image_technique(PAINTING._replace(technique=written))
    assert example is not None
    assert example.target == technique
    assert ("size" in example.repaired) == (written != technique)


def test_a_technique_that_is_only_a_size_is_refused() -> None:
    with pytest.raises(UnusableError, match="no_technique"):
        image_technique(PAINTING._replace(technique="120 x 80 cm"))


def test_a_school_that_is_only_another_one_is_refused() -> None:
    with pytest.raises(UnusableError, match="unnamed_class"):
        image_school(PAINTING._replace(school="Other"))


def test_entities_tags_and_joined_sentences_of_a_commentary_are_fixed() -> None:
    written = "The Pope, Infernorum&#38;  <i>gloria</i> (II, 10).The subject, in 1571.A saint."
    example = image_description(PAINTING._replace(description=written))
    assert example is not None
    assert example.target == "The Pope, Infernorum& gloria (II, 10). The subject, in 1571. A saint."
    assert set(example.repaired) == {
        *("character_entity", "markup", "missing_blank", "trimmed_blanks"),
    }
