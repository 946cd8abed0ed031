import pytest

from tests.helpers.claims import claim_values, verdict
from visionflan.analysis.claims import Contrast, Direction
from visionflan.analysis.verdict_text import rule_text
from visionflan.analysis.verdicts import decide
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval


@pytest.mark.parametrize(
    ("values", "direction", "smallest", "sentence"),
    [
        (
            [0.25, 0.3, 0.35],
            "higher",
            0.05,
            "Supported: “both” is higher than “connector” by 0.30 (95 % interval 0.18 to 0.42, "
            "3 replicates), more than the 0.05 that matters.",
        ),
        (
            [-0.25, -0.3, -0.35, None],
            "lower",
            0.0,
            "Supported: “both” is lower than “connector” by 0.30 (95 % interval 0.18 to 0.42, "
            "3 replicates, 1 missing).",
        ),
        (
            [-0.25, -0.3, -0.35],
            "higher",
            0.05,
            "Contradicted: “both” is lower than “connector” by 0.30 (95 % interval 0.18 to 0.42, "
            "3 replicates).",
        ),
        (
            [-0.01, 0.0, 0.01],
            "not_higher",
            0.05,
            "Supported: “both” − “connector” is 0.000 (95 % interval −0.025 to 0.025, "
            "3 replicates), less than the 0.05 that matters.",
        ),
        (
            [0.25, 0.3, 0.35],
            "not_higher",
            0.05,
            "Contradicted: “both” is higher than “connector” by 0.30 (95 % interval 0.18 to 0.42, "
            "3 replicates), more than the 0.05 that matters.",
        ),
        (
            [0.03, 0.1, 0.12],
            "higher",
            0.05,
            "Undecided: “both” − “connector” is 0.08 (95 % interval −0.03 to 0.20, 3 replicates); "
            "about 18 replicates would decide it.",
        ),
        (
            [-0.02, 0.03, 0.04],
            "lower",
            0.05,
            "Undecided: “both” − “connector” is 0.02 (95 % interval −0.06 to 0.10, 3 replicates); "
            "about 32 replicates would decide it.",
        ),
        (
            [-0.06, -0.03, 0.0],
            "lower",
            0.05,
            "Undecided: “both” − “connector” is −0.03 (95 % interval −0.10 to 0.04, 3 replicates); "
            "a difference between −0.05 and 0 stays undecided with any number of replicates.",
        ),
        (
            [-1.0, 0.0, 1.0],
            "higher",
            0.0,
            "Undecided: “both” − “connector” is 0.0 (95 % interval −2.5 to 2.5, 3 replicates); "
            "a difference of 0 stays undecided with any number of replicates.",
        ),
        (
            [-1.0, 0.0, 1.1],
            "higher",
            0.0,
            "Undecided: “both” − “connector” is 0.0 (95 % interval −2.6 to 2.6, 3 replicates); "
            "more than 200 replicates would be needed to decide it.",
        ),
    ],
)
def test_the_sentence_says_what_came_out_and_what_would_decide_it(
    values: list[float | None], direction: Direction, smallest: float, sentence: str
) -> None:
    assert verdict(values, direction, smallest).sentence == sentence


def test_the_sentence_of_another_contrast_is_its_formula() -> None:
    contrast = Contrast({"kept": 1, "base": -0.9})
    assert verdict([0.25, 0.3, 0.35], contrast=contrast).sentence.startswith(
        "Supported: “kept” − 0.9 “base” is 0.30 (95 % interval 0.18 to 0.42, 3 replicates), more"
    )


def test_an_end_is_not_rounded_onto_a_boundary_that_it_does_not_touch() -> None:
    result = verdict([0.3 - 0.10048, 0.3, 0.3 + 0.10048])
    assert result.status == "supported"
    assert "by 0.3000 (95 % interval 0.0504 to 0.5496, 3" in result.sentence


def test_one_run_has_no_claim_but_an_interval_over_questions_only() -> None:
    values = claim_values([0.3, None])
    (without,) = decide([values])
    assert without.sentence == "Not testable (one run: no claim): “both” − “connector” is 0.300."
    (result,) = decide(
        [values._replace(question_intervals=[ConfidenceInterval(0.2134, 0.3866), None])]
    )
    assert result.sentence == (
        "Not testable (one run: no claim): “both” − “connector” is 0.30 (95 % interval over "
        "questions only 0.21 to 0.39, which says nothing about other runs)."
    )


def test_several_runs_are_not_judged_by_their_intervals_over_questions() -> None:
    values = claim_values([0.25, 0.3, 0.35])
    intervals = [ConfidenceInterval(-1.0, 1.0)] * 3
    (plain,), (with_intervals,) = (
        decide([values]),
        decide([values._replace(question_intervals=intervals)]),
    )
    assert with_intervals.sentence == plain.sentence
    assert with_intervals.question_intervals == tuple(intervals)


@pytest.mark.parametrize(
    ("direction", "smallest", "supported", "contradicted"),
    [
        ("higher", 0.05, "above 0.05", "below 0"),
        ("lower", 0.05, "below −0.05", "above 0"),
        ("not_higher", 0.05, "below 0.05", "above it"),
        ("lower", 0.0, "below 0", "above 0"),
    ],
)
def test_the_rule_of_a_claim_names_both_ends(
    direction: Direction, smallest: float, supported: str, contradicted: str
) -> None:
    assert rule_text(direction, smallest) == (
        f"Supported if the interval over replicates lies wholly {supported}, contradicted if "
        f"wholly {contradicted}."
    )
