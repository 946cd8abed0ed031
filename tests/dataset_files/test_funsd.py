"""The reading order of a FUNSD page, and what is dropped from its text."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.funsd import Entity, Row, dataset, text_detection
from visionflan.drawing import Box
from visionflan.specimens import write_text


def page(*entities: tuple[str, float, float]) -> Row:
    boxes = [(text, Box(left, top, left + 40, top + 12)) for text, left, top in entities]
    return Row("training_data/1", Path("1.png"), tuple(Entity(*entity) for entity in boxes))


def test_the_text_goes_by_rows_and_from_left_to_right() -> None:
    example = text_detection(page(("May", 80, 97), ("Date", 10, 100), ("MEMO", 60, 10)))
    assert example is not None
    assert example.target == "MEMO\nDate\nMay"
    assert example.repaired == ()


def test_empty_texts_and_private_glyphs_are_dropped_and_named() -> None:
    example = text_detection(page(("", 0, 0), ("\uf703 Yes ", 0, 50), (" ", 0, 90)))
    assert example is not None
    assert example.target == "Yes"
    assert example.repaired == ("empty_text", "private_glyph")


def test_a_page_that_is_no_json_is_broken_and_the_others_are_read(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 3)
    write_text(tmp_path / "dataset/training_data/annotations/9001.json", '{"form": [')
    rows = list(dataset.read(tmp_path))
    assert [row.key for row in rows if isinstance(row, BrokenRow)] == ["training_data/9001"]
    assert len(rows) == 3


@pytest.mark.shared
def test_the_release_is_read_completely(shared: Path) -> None:
    root = shared / "real" / "funsd"
    pages = list(dataset.rows(root))
    assert [page.key.split("/")[0] for page in pages].count("testing_data") == 50
    assert sum(len(page.entities) for page in pages) == 9743
    examples = list(dataset.examples("text_detection", root))
    assert len(examples) == 199
    assert sum(len(example.target.split("\n")) for example in examples) == 9743 - 214
