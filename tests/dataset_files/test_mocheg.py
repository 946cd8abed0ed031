"""Mocheg: how the lines of a claim are put together, and which pictures are its proofs."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.mocheg import COLUMNS, Row, dataset, multimodal_factual_checking
from visionflan.errors import UnusableError
from visionflan.specimens import write_lines, write_text

LINES = (
    ",".join(COLUMNS),
    '7,A cow flew.,"<p>It did  not.</p>",refuted,',
    "8,Snow fell.,,NEI,Nobody knows.",
    '7,A cow flew.,"<p>Cows &amp; calves walk.</p>",refuted,',
    "9,No picture.,,supported,True.",
)


def write_release(root: Path) -> None:
    write_lines(root / "val/Corpus2.csv", LINES)
    for name in ("7-proof-01-cow.jpg", "7-00-01-cow.jpg", "8-proof-00-snow.png", "70-proof-1.jpg"):
        write_text(root / "val/images" / name, "")


def test_lines_that_are_apart_are_put_together(tmp_path: Path) -> None:
    write_release(tmp_path)
    cow, snow, broken = dataset.read(tmp_path)
    assert not isinstance(cow, BrokenRow)
    assert [path.name for path in cow.images] == ["7-proof-01-cow.jpg"]
    example = multimodal_factual_checking(cow)
    assert example is not None
    assert example.text == "Context: It did not. Cows & calves walk.\nClaim: A cow flew."
    assert example.target == "no"
    assert example.repaired == ("html_removed",)
    assert not isinstance(snow, BrokenRow)
    example = multimodal_factual_checking(snow)
    assert example is not None
    assert (example.text, example.repaired) == ("Context: Nobody knows.\nClaim: Snow fell.", ())
    assert isinstance(broken, BrokenRow)
    assert (broken.key, broken.reason) == ("val/9", "no_matching_image")


def test_a_claim_of_which_nothing_is_written_cannot_be_asked() -> None:
    with pytest.raises(UnusableError):
        multimodal_factual_checking(Row("val/1", (Path("a.jpg"),), "A claim.", "", (), "NEI"))
