"""Chart2Text: captions put together again, and the places of texts and pictures."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow, Example
from visionflan.datasets.chart2text import Row, chart_caption, dataset
from visionflan.errors import ReleaseError
from visionflan.specimens import write_text


def description(caption: str) -> Example:
    example = chart_caption(Row("simple/1", Path("1.png"), caption))
    assert example is not None
    return example


@pytest.mark.parametrize(
    ("cut", "joined"),
    [
        ("In 2019 , rooms ( many ) cost 5 % more .\n", "In 2019, rooms (many) cost 5% more."),
        ("more than 73 , 000 rooms", "more than 73,000 rooms"),
        ("about 1 , 000 , 000 rooms", "about 1,000,000 rooms"),
        ("in 2019 , 256 people", "in 2019, 256 people"),
        ("aged 64 , 256 of them", "aged 64, 256 of them"),
        ("the world 's 16.84 million", "the world's 16.84 million"),
    ],
)
def test_tokens_are_joined_and_counted(cut: str, joined: str) -> None:
    example = description(cut)
    assert (example.target, example.repaired) == (joined, ("joined_tokens",))


def test_what_needs_no_repair_is_not_counted() -> None:
    assert not description("It fell (a little).\n").repaired


def test_both_repositories_may_be_side_by_side(tmp_path: Path) -> None:
    write_text(tmp_path / "dataset" / "captions" / "5.txt", "It fell .")
    write_text(tmp_path / "dataset" / "multiColumn" / "captions" / "5.txt", "It rose .")
    simple, several = dataset.rows(tmp_path)
    assert [simple.key, several.key] == ["simple/5", "multiColumn/5"]
    assert simple.image == tmp_path / "images" / "statista" / "5.png"
    assert several.image == tmp_path / "multiColumn" / "images" / "statista" / "5.png"


def test_a_caption_that_is_not_text_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "dataset" / "captions").mkdir(parents=True)
    (tmp_path / "dataset" / "captions" / "5.txt").write_bytes(b"\xff")
    (broken,) = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)


def test_a_release_without_captions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    with pytest.raises(ReleaseError, match="captions"):
        list(dataset.read(tmp_path))
