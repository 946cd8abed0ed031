"""The page of a study shows every claim with its verdict, and every replicate as a point."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.results import verdict_json
from visionflan.analysis.verdicts import ClaimValues, decide
from visionflan.errors import AnalysisError
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval
from visionflan.report.study_page.charts import Axis, axis_of, replicate_plot
from visionflan.report.study_page.page import render_study, write_study_page

CLAIM = Claim(
    name="more",
    sentence="Both are better than <none>.",
    measure="score",
    contrast=difference("both", "none"),
    direction="higher",
    smallest=0.05,
    paper="69.8 against 45.0",
)


def results(
    values: list[float | None],
    *,
    quick: bool = False,
    intervals: Sequence[ConfidenceInterval | None] = (),
) -> dict[str, Any]:
    """Return the results of two arms whose difference is `values`, None where one failed."""

    def replicates(arm: str) -> list[dict[str, Any]]:
        budget = {"rows": 1234, "steps": 7, "target_tokens": 99, "seconds": 5.0}
        return [
            {
                "seed": seed,
                "measures": {}
                if value is None
                else {"score": 0.4 + (value if arm == "both" else 0)},
                "budget": budget,
                "notes": {},
                "failure": "train base, seed 1: the loss is inf" if value is None else "",
            }
            for seed, value in enumerate(values)
        ]

    (verdict,) = decide([ClaimValues(CLAIM, values, question_intervals=intervals)])
    return {
        "about": {
            "title": "Which parts",
            "question": "What is learned?",
            "paper": "Table 5",
            "factors": {"trained": "the parts that <train>"},
            "measures": [{"name": "score", "label": "score on tasks", "paper": "MMBench"}],
            "notes": [{"name": "yes/no", "label": "share answered by yes or no"}],
            "limits": ["A tiny model."],
            "paper_numbers": ["both: 69.8"],
        },
        "settings": {
            "study": "modules",
            "quick": quick,
            "recipe": {"name": "tiny"},
            "factors": {"trained": ["none", "both"]},
        },
        "command": "visionflan analyze modules",
        "date": "2026-01-02",
        "seeds": list(range(len(values))),
        "held_out_tasks": [],
        "build": "0123456789abcdef",
        "versions": {"torch": "2.9"},
        "step_seconds": 12.0,
        "arms": [
            {"name": name, "factors": {}, "replicates": replicates(name)}
            for name in ("none", "both")
        ],
        "verdicts": [json.loads(json.dumps(verdict_json(verdict)))],
        "note_correlations": [],
        "adopted": {},
    }


def test_steps_of_finished_runs_are_named() -> None:
    study = results([0.3, 0.31])
    assert "adopted" not in render_study(study)
    study["adopted"] = {"runs/<a>": ["pretrain, seed 0", "train base, seed 0"]}
    assert "<code>runs/&lt;a&gt;</code>: pretrain, seed 0; train base, seed 0" in render_study(
        study
    )


def test_a_verdict_is_shown_with_its_claim_its_replicates_and_the_paper() -> None:
    page = render_study(results([0.3, 0.31, 0.32]))
    assert '<span class="tag supported">Supported</span>' in page
    assert "Both are better than &lt;none&gt;." in page
    assert "Paper: 69.8 against 45.0." in page
    # Three of the contrast, and three of each arm.
    assert page.count('class="replicate"') == 3 + 2 * 3
    assert "visionflan analyze modules" in page
    assert "1,234" in page
    assert "A tiny model." in page


def test_a_reader_sees_what_decides_a_claim_and_what_names_of_arms_mean() -> None:
    page = render_study(results([0.3, 0.31, 0.32]))
    assert "Supported if the interval over replicates lies wholly above 0.05" in page
    assert "contradicted if wholly below 0." in page
    assert "<strong>trained</strong>: none, both (the parts that &lt;train&gt;)" in page
    assert "3 replicates with a seed each. Paper: Table 5." in page
    assert "1 replicate. Paper: Table 5." in render_study(results([0.3]))


def test_a_negative_mean_has_a_true_minus_sign() -> None:
    assert ">−0.100</td>" in render_study(results([-0.5, -0.5]))


def test_each_replicate_has_its_interval_over_questions_or_a_dash() -> None:
    intervals = [ConfidenceInterval(0.21, 0.39), None, ConfidenceInterval(0.25, 0.4)]
    page = render_study(results([0.3, 0.31, 0.32], intervals=intervals))
    assert "A verdict is about other runs, not about other questions" in page
    assert page.count('class="questions"') == 2
    assert '<td class="number">0.300</td><td class="number">0.210 to 0.390</td>' in page
    assert '<td class="number">0.310</td><td class="number">–</td>' in page


def test_one_run_has_an_interval_over_questions_only_and_no_mean() -> None:
    page = render_study(results([0.3], intervals=[ConfidenceInterval(0.21, 0.39)]))
    assert "One run: no verdict." in page
    assert "A verdict is about" not in page
    assert "interval over questions only 0.21 to 0.39, which says nothing about other runs" in page
    assert page.count('class="questions"') == 1
    assert 'class="dot first"' not in page
    assert 'class="dot first"' in render_study(results([0.3, 0.3]))


def test_notes_of_runs_are_shown_and_how_they_go_with_the_measure() -> None:
    study = results([0.1, 0.2, 0.3])
    for arm, shares in zip(study["arms"], ([0, 1, 0.5], [0.25] * 3), strict=True):
        for result, share in zip(arm["replicates"], shares, strict=True):
            result["notes"] = {"other": 7, "yes/no": share}
    entry = {"measure": "score", "runs": 6, "pearson": -0.256, "runs_within": 3, "within": None}
    study["note_correlations"] = [{"note": "other", **entry}, {"note": "yes/no", **entry}]
    page = render_study(study)
    assert "What the arms are made of" in page
    numbers = '<td class="number">{}</td><td class="number">{}</td><td class="number">7</td>'
    for seed, text in enumerate(("0.00", "1.00", "0.50")):
        assert numbers.format(seed, text) in page
    assert page.count(numbers.format("all", "0.25")) == 1
    assert "−0.26 <small>6 runs</small>" in page
    assert "– <small>3 runs</small>" in page
    assert page.index("share answered by yes or no</th>") < page.index("other</th>")
    assert "What the arms are made of" not in render_study(results([0.1, 0.2]))


def test_a_failed_arm_is_named_and_leaves_no_point() -> None:
    page = render_study(results([0.3, None, 0.32]))
    assert "missing: seed 1: train base, seed 1: the loss is inf" in page
    assert page.count('class="replicate"') == 2 + 2 * 2


def test_without_any_result_the_page_has_no_figure() -> None:
    page = render_study(results([None]))
    assert 'class="replicate"' not in page
    assert "Not testable" in page


def test_a_quick_run_says_that_it_claims_nothing() -> None:
    assert "claims nothing" in render_study(results([0.3, 0.3], quick=True))
    assert "claims nothing" not in render_study(results([0.3, 0.3]))


def test_the_page_is_written_from_the_results(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(results([0.1, 0.2])))
    assert write_study_page(tmp_path) == tmp_path / "index.html"
    assert (tmp_path / "index.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("content", "message"), [(None, "has no results.json"), ("{", "damaged")])
def test_a_directory_without_results_is_refused(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(AnalysisError, match=message):
        write_study_page(tmp_path)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-0.08, 0.31), (0.123, 0.124), (-3.0, -1.0), (0.0, 4000.0)]
)
def test_an_axis_has_a_few_round_numbers_within_it(low: float, high: float) -> None:
    axis = axis_of([low, high])
    assert 2 <= len(axis.ticks) <= 7
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert axis.x(axis.low) < axis.x(axis.high)


def test_an_axis_of_one_number_is_not_empty() -> None:
    assert axis_of([0.5]).low < 0.5 < axis_of([0.5]).high
    assert axis_of([0.0]).low < 0 < axis_of([0.0]).high
    assert Axis(0, 1).ticks == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_arms_without_values_have_no_row() -> None:
    assert replicate_plot({"none": []}, "empty") == ""
    assert "both" in replicate_plot({"none": [], "both": [0.5]}, "one")
