"""Groups of tasks are scored by likelihood, and those that list no answers by likeness."""

import pytest

from tests.helpers.record_factory import record
from visionflan.analysis.studies.groups import score

CAPTION = {"metric": "cider", "references": ("a red bird on a branch", "one bird"), "target": "x"}


def test_the_likelihood_counts_where_there_is_one() -> None:
    assert score(record(score_likelihood=1.0, score_lenient=0.0, response="wrong")) == 1
    assert score(record(score_likelihood=0.0, score_lenient=1.0)) == 0


def test_a_caption_counts_by_its_likeness_to_the_references() -> None:
    captions = {
        response: score(record(**CAPTION, score_lenient=3.5, response=response))
        for response in ("A red bird on a branch.", "a bird", "")
    }
    assert captions["A red bird on a branch."] == 1
    # ROUGE-L: precision 1, and recall 1/2 of the second reference.
    assert captions["a bird"] == pytest.approx((1 + 1.2**2) * 0.5 / (0.5 + 1.2**2))
    assert captions[""] == 0


def test_an_answer_that_failed_is_missing() -> None:
    assert score(record(**CAPTION, response="", error="out of memory")) is None
