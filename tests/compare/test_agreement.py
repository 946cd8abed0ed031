"""Agreement of persons: the library's values are those of the published worked examples."""

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.comparison_factory import scored_record
from visionflan.compare.agreement import (
    NO_COMMON_ITEM,
    NO_FREQUENCIES,
    NOMINAL,
    ONE_ANSWER,
    cohen_kappa,
    krippendorff_alpha,
    measure_agreement,
    nominal_distance,
    with_jackknife,
)
from visionflan.compare.answer_labels import MetricDistance, Rating
from visionflan.compare.results import Agreement
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.document_frequencies import count_document_frequencies
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.scorer import score_answer

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): a row for each observer, a column
# for each unit, a dot for missing data.
BINARY = ("0100000010", "1110010000")
NOMINAL_DATA = ("aabbdcccedda", "babbbccceddd")
MISSING = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def ratings(rows: Sequence[str]) -> list[Rating]:
    """Return the ratings of a published table, each unit with an image of its own."""
    return [
        Rating(f"observer {observer}", f"unit {unit}", f"image {unit}", label)
        for observer, row in enumerate(rows)
        for unit, label in enumerate(row)
        if label != "."
    ]


def squared_difference(first: str, second: str) -> float:
    return float((int(first) - int(second)) ** 2)


def closed(person_answers: Sequence[str], **fields: Any) -> list[Record]:
    """Return closed answers of a person, one to each item."""
    return [
        scored_record(
            0.0,
            item,
            **{"response": text, "parsed_lenient": text, "candidates": ("yes", "no"), **fields},
        )
        for item, text in enumerate(person_answers)
    ]


def measure(**answers: list[Record]) -> Agreement:
    return measure_agreement("data/task", answers, None)


@pytest.mark.parametrize(
    ("rows", "distance", "alpha"),
    [
        (BINARY, nominal_distance, 0.095),
        (NOMINAL_DATA, nominal_distance, 0.692),
        (MISSING, nominal_distance, 0.743),
        (MISSING, squared_difference, 0.849),
    ],
)
def test_alpha_is_that_of_the_published_examples(
    rows: Sequence[str], distance: MetricDistance, alpha: float
) -> None:
    assert krippendorff_alpha(ratings(rows), distance) == pytest.approx(alpha, abs=5e-4)


def test_kappa_is_observed_beyond_expected_agreement() -> None:
    # 35 of 50 are the same; by chance 0.5 * 0.6 + 0.5 * 0.4 = one half of them would be.
    first = "y" * 25 + "n" * 25
    second = "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15
    assert cohen_kappa(ratings((first, second))) == pytest.approx(0.4)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("abc.", min_size=8, max_size=8), min_size=2, max_size=4), st.randoms())
def test_the_names_of_persons_and_answers_do_not_matter(
    rows: list[str], order: random.Random
) -> None:
    alpha = krippendorff_alpha(ratings(rows), nominal_distance)
    shuffled = order.sample(rows, len(rows))
    renamed = [row.translate(str.maketrans("abc", "zxy")) for row in shuffled]
    other = krippendorff_alpha(ratings(renamed), nominal_distance)
    assert other == pytest.approx(alpha, nan_ok=True)
    assert math.isnan(alpha) or -1.0 <= alpha <= 1.0


def test_the_interval_leaves_out_each_image_with_all_its_items() -> None:
    first, second = "aabbaabbaabb", "aabbaabbabba"
    single = with_jackknife(cohen_kappa, ratings((first, second)))
    assert single.value == pytest.approx(2 / 3)
    assert single.low is not None
    assert single.high is not None
    assert single.low < 2 / 3 < single.high
    pairs = [
        rating._replace(cluster=str(int(rating.item.split()[1]) // 4))
        for rating in ratings((first, second))
    ]
    clustered = with_jackknife(cohen_kappa, pairs)
    assert clustered.value == single.value
    assert clustered.low is not None
    assert clustered.low < single.low
    alone = with_jackknife(cohen_kappa, [rating._replace(cluster="one") for rating in pairs])
    assert alone == (single.value, None, None)


def test_each_image_is_left_out_once_with_all_its_items() -> None:
    pairs = [
        rating._replace(cluster=f"image {int(rating.item.split()[1]) // 3}")
        for rating in ratings(("aababbaab", "aababbaaa"))
    ]
    left_out = []

    def note(some: Sequence[Rating]) -> float:
        left_out.append({rating.cluster for rating in pairs} - {one.cluster for one in some})
        return 0.0

    with_jackknife(note, pairs)
    assert left_out == [set(), {"image 0"}, {"image 1"}, {"image 2"}]


def test_closed_answers_of_two_persons_have_alpha_and_kappa() -> None:
    result = measure(ada=closed(["yes", "no"] * 10), bob=closed(["yes", "no"] * 9 + ["no", "no"]))
    assert (result.items, result.clusters, result.same) == (20, 20, 19)
    assert (result.distance, result.undefined) == (NOMINAL, "")
    assert result.kappa is not None
    assert result.kappa.value == pytest.approx(0.9)
    assert result.alpha.value == pytest.approx(0.9, abs=0.01)


def test_three_persons_have_no_kappa_and_need_not_answer_the_same_items() -> None:
    answers = {
        "ada": closed(["yes", "no"] * 3),
        "bob": closed(["yes", "no"] * 3)[:4],
        "eve": closed(["no", "no"] * 3)[2:],
    }
    result = measure(**answers)
    assert (result.persons, result.items, result.kappa) == (("ada", "bob", "eve"), 6, None)
    assert result.alpha.value is not None


def test_an_empty_answer_is_missing_data() -> None:
    result = measure(ada=closed(["yes", "no", "yes", ""]), bob=closed(["yes", "no", "", ""]))
    assert (result.items, result.same, result.alpha.value) == (2, 2, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (["yes"] * 4, ["yes"] * 4, ONE_ANSWER),
        (["yes", "no", "", ""], ["", "", "yes", "no"], NO_COMMON_ITEM),
        (["yes", "no"], ["", ""], NO_COMMON_ITEM),
        (["yes", "no", "yes"], ["yes", "", ""], ONE_ANSWER),
    ],
)
def test_an_undefined_agreement_is_a_sentence(
    first: list[str], second: list[str], sentence: str
) -> None:
    result = measure(ada=closed(first), bob=closed(second))
    assert result.undefined == sentence
    assert result.alpha.value is None
    assert result.kappa is None


def test_options_that_differ_between_questions_are_compared_by_position() -> None:
    def choices(positions: str, *, same_options: bool) -> list[Record]:
        records = []
        for item, position in enumerate(positions):
            options = ("0", "1") if same_options else (f"left {item}", f"right {item}")
            parsed = options[int(position)]
            fields: Any = {"options": options, "candidates": options, "parsed_lenient": parsed}
            records.append(scored_record(0.0, item, **fields))
        return records

    by_text, by_position = (
        measure(ada=choices("0110", same_options=same), bob=choices("0111", same_options=same))
        for same in (True, False)
    )
    assert by_position == by_text
    assert by_text.alpha.value is not None


def test_open_answers_are_as_far_apart_as_the_metric_of_the_task_says() -> None:
    texts = ["a red bus on a road", "two cats"], ["red bus on the road", "pier"]
    answers = [closed(side, candidates=(), metric="rouge_l") for side in texts]
    result = measure(ada=answers[0], bob=answers[1])
    assert result.distance == "1 − ROUGE-L"
    assert result.same == 1  # but for the articles
    assert result.kappa is None
    # The observed distances are 0 and 1; of all six pairs one has the distance 0.
    assert result.alpha.value == pytest.approx(1 - 0.5 / (5 / 6))


def test_an_agreement_without_document_frequencies_is_a_sentence() -> None:
    answers = closed(["a red bus", "two cats"], candidates=(), metric="cider")
    assert measure(ada=answers, bob=answers).undefined == NO_FREQUENCIES


FREQUENCIES = count_document_frequencies([["a red bus"], ["two cats"], ["a pier by the sea"]])


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(sorted(METRICS)),
    st.text("ab 12.,", max_size=12),
    st.text("ab 12.,", max_size=12),
)
def test_a_distance_is_symmetric_and_from_0_to_1(metric: str, first: str, second: str) -> None:
    distance = MetricDistance(metric, FREQUENCIES)
    assert 0.0 <= distance(first, second) <= 1.0
    assert distance(first, second) == MetricDistance(metric, FREQUENCIES)(second, first)
    assert distance(first, first) == 0.0


@pytest.mark.parametrize("metric", ["rouge_l", "cider", "bleu_4"])
def test_a_distance_takes_the_scores_of_both_directions_and_their_maximum(metric: str) -> None:
    texts = "a red bus by the sea", "a red bus by the old pier and the sea"
    scores = [
        score_answer(
            metric, answer, ScoringContext(other, (other,), frequencies=FREQUENCIES), "lenient"
        ).score
        or 0.0
        for answer in texts
        for other in texts
    ]
    itself, there, back, other_itself = scores
    assert there != back
    expected = 1 - (there + back) / (itself + other_itself)
    assert 0.1 < expected < 0.9
    assert MetricDistance(metric, FREQUENCIES)(*texts) == pytest.approx(expected)


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_answers_that_share_nothing_are_as_far_apart_as_can_be(metric: str) -> None:
    distance = MetricDistance(metric, FREQUENCIES)("mmmm", "oooo")
    assert distance == pytest.approx(1.0, abs=1e-3)  # BLEU is never quite 0
