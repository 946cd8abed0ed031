"""The sentences of SentiCap, divided by their sentiment."""

from pathlib import Path

import pytest

from visionflan.datasets.senticap import image_sentiment_captioning, rows

RECORD = {
    "filename": "COCO_val2014_000000000042.jpg",
    "sentences": [{"raw": "A fine  dog\n", "sentiment": 1}, {"raw": "A sad dog", "sentiment": 0}],
}


def test_each_sentiment_of_an_image_is_one_row(tmp_path: Path) -> None:
    positive, negative = (image_sentiment_captioning(row) for row in rows(tmp_path / "s", RECORD))
    assert positive is not None
    assert negative is not None
    assert (positive.text, positive.target) == ("Sentiment: positive", "A fine dog")
    assert (negative.text, negative.target) == ("Sentiment: negative", "A sad dog")
    assert (positive.repaired, negative.repaired) == (("trimmed_blanks",), ())
    assert positive.image == tmp_path / "coco/val2014/COCO_val2014_000000000042.jpg"


def test_an_image_that_is_not_of_coco_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an image of COCO"):
        rows(tmp_path, {**RECORD, "filename": "../42.jpg"})
