import pytest

from visionflan.compare.conclusions import (
    BIAS_SENTENCES,
    FORGETTING_SENTENCES,
    FORMAT_SENTENCES,
    VERBS,
    changed_or_same,
    verb,
)
from visionflan.compare.evidence import Evidence, evidence
from visionflan.compare.results import Interval


@pytest.mark.parametrize(
    ("change", "wide", "expected"),
    [
        (Interval(0.2, 0.1, 0.3), None, Evidence(1, True)),
        (Interval(-0.2, -0.3, -0.1), None, Evidence(-1, True)),
        (Interval(0.2, -0.1, 0.3), None, Evidence(0, False)),
        (Interval(0.2, 0.0, 0.3), None, Evidence(0, False)),
        (Interval(0.2, None, None), None, Evidence(None, False)),
        (Interval(None), None, Evidence(None, False)),
        (Interval(0.2, -0.3, 0.3), 0.5, Evidence(None, False)),
        (Interval(0.2, -0.2, 0.3), 0.5, Evidence(0, False)),
        (Interval(0.5, 0.1, 0.9), 0.5, Evidence(1, True)),
    ],
)
def test_evidence_is_the_sign_of_an_interval(
    change: Interval, wide: float | None, expected: Evidence
) -> None:
    assert evidence(change, confirmed=True, wide=wide) == expected
    unconfirmed = evidence(change, confirmed=False, wide=wide)
    assert unconfirmed == expected._replace(confirmed=False)


def test_there_is_a_sentence_for_all_evidence() -> None:
    both = [
        evidence(Interval(0.0, low, low + 0.1), confirmed=confirmed)
        for low in (-1.0, -0.05, 1.0)
        for confirmed in (False, True)
    ]
    for first in both:
        assert first in VERBS
        for second in both:
            directions = first.direction, second.direction
            kinds = changed_or_same(first), changed_or_same(second)
            for sentences in (FORMAT_SENTENCES, BIAS_SENTENCES):
                sentence = sentences[kinds]
                assert ("{" in sentence) == (directions != (0, 0))
            assert any(
                all(
                    expected in (None, actual)
                    for expected, actual in zip(row, directions, strict=False)
                )
                for row in FORGETTING_SENTENCES
            )


def test_what_no_test_confirms_is_only_possible() -> None:
    assert verb(Evidence(-1, confirmed=True)) == "declined"
    assert verb(Evidence(-1, confirmed=False)) == "may have declined"
