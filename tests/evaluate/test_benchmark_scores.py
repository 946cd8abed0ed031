"""Metrics of benchmarks: values computed by hand, missing data, intervals over clusters."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.record_factory import TASK, record
from visionflan.evaluate.aggregate.benchmark_scores import benchmark_scores
from visionflan.evaluate.aggregate.measures import AggregateMetric, estimate, mean_score, ratio
from visionflan.evaluate.benchmarks import load
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.records.header import Header
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import Scorer

ACCURACY = mean_score("accuracy")
LABELS = ("cat", "dog", "airplane")


def header(**fields: Any) -> Header:
    task = replace(TASK, dataset="cifar10", metric="cifar10", held_out=3)
    known: dict[str, Any] = {
        "run": "run",
        "stage": "base",
        "checkpoint": "c",
        "checkpoint_path": "c",
        "sources": ("s",),
        "source_paths": ("s",),
        "generation_config": "{}",
        "conditions": ("original",),
        "limit": None,
        "tasks": {"cifar10/test": task},
        "benchmark": "cifar10",
        "prompt_style": "emt",
    }
    return Header(**{**known, **fields})


def answered(number: int, response: str, **fields: Any) -> Record:
    unscored = record(
        task="cifar10/test",
        metric="cifar10",
        sample_key=str(number),
        image_cluster=str(number),
        candidates=LABELS,
        response=response,
        **fields,
    )
    return Scorer(header().tasks, {}).score(unscored)


def scores_of(records: list[Record]) -> dict[str, Any]:
    return benchmark_scores(records, header(), Scorer(header().tasks, {}))


def test_missing_data_is_no_score_and_below_98_percent_there_is_no_headline() -> None:
    records = [answered(n, "cat" if n < 60 else "dog") for n in range(97)]
    complete = scores_of(records)
    assert complete["headline"]["value"]["mean"] == pytest.approx(60 / 97)
    assert complete["coverage"]["official"] == 1.0
    assert "if_missing_wrong" not in complete["metrics"]["accuracy"]["official"]
    failed = [answered(97 + n, "", error="ServerError: gone") for n in range(3)]
    part = scores_of(records + failed)
    assert part["coverage"] == {"official": 0.97, "lenient": 0.97, "likelihood": None}
    assert part["headline"]["value"] is None
    assert part["headline"]["reason"] == "no score for 3 of 100 answers"
    official = part["metrics"]["accuracy"]["official"]
    assert official["mean"] == pytest.approx(60 / 97)
    assert official["items"] == 97
    assert (official["if_missing_wrong"], official["if_missing_right"]) == (0.6, 0.63)


def test_a_rule_that_breaks_on_an_answer_leaves_missing_data_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def brittle(answer: str, question: ScoringContext) -> ParsedAnswer:
        return ParsedAnswer(1 / (len(answer) - 3), answer)

    monkeypatch.setitem(load("cifar10").rules, "lenient", brittle)
    parsed, broken = answered(0, "a dog"), answered(1, "cat")
    assert (parsed.score_lenient, parsed.status_lenient) == (0.5, "parsed")
    assert (broken.score_lenient, broken.status_lenient) == (None, "parser_failed")
    assert broken.parsed_lenient.startswith("ZeroDivisionError: ")
    assert broken.score_official == 1.0
    assert scores_of([parsed, broken])["coverage"] == {
        "official": 1.0,
        "lenient": 0.5,
        "likelihood": None,
    }


@pytest.mark.parametrize("score", [nan, inf, -inf])
def test_a_score_that_is_not_finite_is_missing_data(
    monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    def rule(answer: str, question: ScoringContext) -> ParsedAnswer:
        return ParsedAnswer(score, answer)

    monkeypatch.setitem(load("cifar10").rules, "lenient", rule)
    record = answered(0, "cat")
    assert (record.score_lenient, record.status_lenient) == (None, "parser_failed")
    assert record.parsed_lenient == f"its score is {score}"


@pytest.mark.parametrize("logprobs", [(nan, -1.0, -2.0), (-1.0, nan, nan), (-inf, -inf, -inf)])
def test_log_likelihoods_that_are_no_numbers_are_missing_data(logprobs: tuple[float, ...]) -> None:
    assert answered(0, "cat", logprobs=logprobs).score_likelihood is None
    assert answered(0, "cat", logprobs=(-inf, -1.0, -inf)).score_likelihood is not None


def test_likelihood_scores_without_reading_and_ties_share() -> None:
    assert answered(0, "a bird", logprobs=(-1.0, -2.0, -3.0)).score_likelihood == 1.0
    assert answered(0, "cat", logprobs=(-2.0, -1.0, -3.0)).score_likelihood == 0.0
    assert answered(0, "cat", logprobs=(-1.0, -1.0, -3.0)).score_likelihood == 0.5
    assert answered(0, "cat").score_likelihood is None


def test_a_ratio_varies_as_a_ratio() -> None:
    def cluster_sums(records: Any, rule: Any) -> tuple[float, float]:
        return sum(r.score(rule) for r in records), sum(r.reference_score for r in records)

    both = AggregateMetric(
        "ratio", cluster_sums, lambda totals: 100 * ratio(totals[..., 0], totals[..., 1]), None
    )
    records = [
        record(image_cluster=str(n), score_official=0.5 * (1 + n % 3), reference_score=1.0 + n % 3)
        for n in range(30)
    ]
    result = estimate(records, both, "official")
    assert result is not None
    # The sums vary over clusters and their ratio does not, so its variance is unknown.
    assert (result.mean, result.low, result.high) == (50.0, None, None)
    varied = [*records, record(image_cluster="other", score_official=1.0, reference_score=1.0)]
    result = estimate(varied, both, "official")
    assert result is not None
    # A single cluster carries all the variance, which therefore stays unknown.
    assert result.mean == pytest.approx(100 * 31.0 / 61.0)
    assert result.low is None
    for n in range(8):
        score = 0.3 + 0.1 * (n % 5)
        varied.append(record(image_cluster=f"z{n}", score_official=score, reference_score=1.0))
    result = estimate(varied, both, "official")
    assert result is not None
    assert result.low is not None
    assert result.high is not None
    assert 45.0 < result.low < result.mean < result.high < 58.0


def test_asking_more_about_the_same_images_does_not_narrow_an_interval() -> None:
    few = [
        record(image_cluster=str(n), sample_key=str(n), score_lenient=float(n % 2))
        for n in range(40)
    ]
    many = [r._replace(sample_key=f"{r.sample_key} {k}") for r in few for k in range(5)]
    few_estimate, many_estimate = (
        estimate(few, ACCURACY, "lenient"),
        estimate(many, ACCURACY, "lenient"),
    )
    assert few_estimate is not None
    assert many_estimate is not None
    assert (few_estimate.mean, few_estimate.low, few_estimate.high) == (
        many_estimate.mean,
        many_estimate.low,
        many_estimate.high,
    )
    assert (many_estimate.items, many_estimate.clusters) == (200, 40)


def test_clusters_vary_within_their_part_where_a_measure_wants_it() -> None:
    def cluster_sums(records: Any, rule: Any) -> tuple[float, ...]:
        sums = [0.0] * 4
        for scored in records:
            column = 2 * (scored.task == "toy/b")
            sums[column] += scored.score(rule)
            sums[column + 1] += 1
        return tuple(sums)

    def from_totals(totals: Any) -> Any:
        return ratio(totals[..., 0], totals[..., 1]) + ratio(totals[..., 2], totals[..., 3])

    both = AggregateMetric("sum", cluster_sums, from_totals, 2.0, stratify_by_task=True)
    records = [record(task="toy/b", image_cluster="only", score_lenient=1.0)] + [
        record(task="toy/a", image_cluster=str(n), score_lenient=float(n % 2)) for n in range(50)
    ]
    result = estimate(records, both, "lenient")
    assert result is not None
    assert (result.mean, result.low, result.high) == (1.5, None, None)  # b has one cluster
    records.append(record(task="toy/b", image_cluster="another", score_lenient=1.0))
    few = estimate(records, both, "lenient")
    records += [
        record(task="toy/b", image_cluster=f"further {n}", score_lenient=1.0) for n in range(98)
    ]
    many = estimate(records, both, "lenient")
    # The two clusters of b may be exceptions; that a hundred are equal adds little to a's variance.
    for result, low in ((few, 0.4), (many, 1.3)):
        assert result is not None
        assert result.low is not None
        assert low < result.low < 1.4


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, None])), min_size=1))
def test_an_interval_holds_the_value_and_stays_within_0_and_1(
    scores: list[tuple[int, float | None]],
) -> None:
    records = [record(image_cluster=str(c), score_lenient=score) for c, score in scores]
    known = [score for _, score in scores if score is not None]
    result = estimate(records, ACCURACY, "lenient")
    if not known:
        assert result is None
        return
    assert result is not None
    assert result.mean == pytest.approx(np.mean(known))
    assert result.items == len(known)
    if result.low is not None and result.high is not None:
        assert 0 <= result.low <= result.mean + 1e-9
        assert result.mean - 1e-9 <= result.high <= 1
