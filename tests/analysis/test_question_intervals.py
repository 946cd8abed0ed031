"""Intervals over questions: clustered by image, paired over arms, of any measure of the answers."""

import csv
import json
from collections.abc import Callable, Sequence
from math import log, sqrt
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.planted_images import plant_images
from tests.helpers.planted_study import finish, plan
from tests.helpers.record_factory import record
from visionflan.analysis import measures
from visionflan.analysis.arm_outputs import NUM_IMAGE_GROUPS, ArmOutputs
from visionflan.analysis.claims import Contrast, difference
from visionflan.analysis.measure import Measure
from visionflan.analysis.question_intervals import (
    jackknife_interval,
    question_interval,
    without_each_group,
)
from visionflan.analysis.replicate import ANSWERS
from visionflan.analysis.results import collect_results, write_results
from visionflan.analysis.store import Store
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import Record

TASKS = ("toy/one", "toy/two")
STUDIES = 200
COVERAGE = 0.95
ERROR = 3 * sqrt(COVERAGE * (1 - COVERAGE) / STUDIES)
CONTRAST = difference("after", "before")

Compute = Callable[[ArmOutputs], float | None]


def outputs(records: Sequence[Record]) -> ArmOutputs:
    """Return an arm that has given these answers."""
    replicate: Any = SimpleNamespace(training_tasks=TASKS, held_out_tasks=())
    arm: Any = SimpleNamespace(outputs={})
    store: Any = None
    return ArmOutputs(arm, replicate, store, tables={f"{ANSWERS}/{RECORDS}": list(records)})


def answers(scores: Sequence[Sequence[float]], name: str = "image", copies: int = 1) -> ArmOutputs:
    """Return an arm with the scores of the questions about each image, in turn of two tasks."""
    return outputs(
        [
            record(
                task=TASKS[image % 2],
                sample_key=f"{image} {question} {copy}",
                image_cluster=f"{name} {image}",
                metric="exact_match",
                score_lenient=float(score),
            )
            for image, values in enumerate(scores)
            for question, score in enumerate(values)
            for copy in range(copies)
        ]
    )


def interval(
    arms: dict[str, ArmOutputs],
    compute: Compute = measures.trained,
    contrast: Contrast = CONTRAST,
) -> ConfidenceInterval | None:
    """Return the interval of a contrast of arms over questions."""
    measure = Measure("measure", "a measure", compute)
    values = {name: value for name, arm in arms.items() if (value := compute(arm)) is not None}
    left_out = {name: without_each_group(arm, [measure])["measure"] for name, arm in arms.items()}
    return question_interval(contrast, values, left_out)


def width(estimate: ConfidenceInterval | None) -> float:
    assert estimate is not None
    return estimate.high - estimate.low


def log_odds(arm: ArmOutputs) -> float:
    """Return a measure that is no mean."""
    score = fmean(r.score_lenient or 0.0 for r in arm.records())
    return log(score / (1 - score))


def draw(generator: np.random.Generator, images: int) -> tuple[list[Any], list[Any]]:
    """Return the scores of two arms, right 45 % and 55 % of the time, by image.

    An image has one to four questions, which are as hard as each other, and as hard for both arms.
    """
    before, after = [], []
    for _ in range(images):
        ease, gain = generator.uniform(0.1, 0.8), generator.uniform(0, 0.2)
        hardness = generator.uniform(0, 1)
        own = generator.uniform(0, 1, generator.integers(1, 5))
        mixed = np.where(generator.uniform(0, 1, own.shape) < 0.7, hardness, own)
        before.append((mixed < ease).tolist())
        after.append((mixed < ease + gain).tolist())
    return before, after


@pytest.mark.parametrize("images", [60, 150])
@pytest.mark.parametrize(
    ("compute", "truth"),
    [(measures.trained, 0.1), (log_odds, 2 * log(0.55 / 0.45))],
    ids=["mean", "log odds"],
)
def test_intervals_hold_the_true_contrast_as_often_as_they_say(
    images: int, compute: Compute, truth: float
) -> None:
    generator = np.random.default_rng(images)
    hits = 0
    for _ in range(STUDIES):
        before, after = draw(generator, images)
        estimate = interval({"before": answers(before), "after": answers(after)}, compute)
        hits += estimate is not None and estimate.low <= truth <= estimate.high
    assert COVERAGE - ERROR <= hits / STUDIES < 1


def test_arms_are_paired_by_image() -> None:
    generator = np.random.default_rng(0)
    paired, unpaired = [], []
    for _ in range(10):
        before, after = draw(generator, 200)
        arm = answers(before)
        paired.append(width(interval({"before": arm, "after": answers(after)})))
        unpaired.append(width(interval({"before": arm, "after": answers(after, name="other")})))
    assert fmean(paired) < 0.75 * fmean(unpaired)


def test_questions_about_one_image_count_once() -> None:
    scores, _ = draw(np.random.default_rng(1), 100)
    alone = Contrast({"before": 1})
    single = interval({"before": answers(scores)}, contrast=alone)
    copied = interval({"before": answers(scores, copies=4)}, contrast=alone)
    assert copied == pytest.approx(single)
    rows = [[score] for values in scores for score in values for _ in range(4)]
    independent = interval({"before": answers(rows)}, contrast=alone)
    assert width(independent) < 0.6 * width(single)


def test_the_interval_of_a_mean_is_that_of_its_clusters() -> None:
    scores = [[float(image % 3 == 0)] for image in range(1200)]
    estimate = interval({"before": answers(scores)}, contrast=Contrast({"before": 1}))
    assert estimate is not None
    assert (estimate.low + estimate.high) / 2 == pytest.approx(1 / 3, abs=0.01)
    exact = 2 * 1.962 * sqrt(2 / 9 / 1200)
    assert width(estimate) == pytest.approx(exact, rel=0.4)


@pytest.mark.parametrize(
    "compute",
    [lambda arm: 0.993, lambda arm: None, measures.held_out],
    ids=["not from questions", "undefined", "without answers"],
)
def test_what_no_question_decides_has_no_interval(compute: Compute) -> None:
    before, after = draw(np.random.default_rng(2), 50)
    assert interval({"before": answers(before), "after": answers(after)}, compute) is None


def test_too_few_images_or_arms_that_never_differ_have_no_interval() -> None:
    one = answers([[1.0, 0.0]])
    assert interval({"before": one, "after": answers([[1.0, 1.0]])}) is None
    same = answers([[1.0]] * 50)
    assert interval({"before": same, "after": same}) is None
    assert jackknife_interval(0.1, [0.01]) is None
    assert question_interval(CONTRAST, {"after": 0.5, "before": 0.4}, {"after": [0.5]}) is None


def test_groups_of_images_are_the_same_in_every_arm() -> None:
    arm = answers([[1.0]] * 200)
    rest = [arm.without(group).records() for group in range(NUM_IMAGE_GROUPS)]
    left_out = [{r.image_cluster for r in arm.records()} - {r.image_cluster for r in records}
                for records in rest]  # fmt: skip
    assert sorted(name for group in left_out for name in group) == sorted(
        {r.image_cluster for r in arm.records()}
    )
    fewer = answers([[1.0]] * 150)
    for group, names in enumerate(left_out):
        clusters = {r.image_cluster for r in fewer.without(group).records()}
        assert not clusters & names


def test_results_have_the_interval_of_each_replicate(tmp_path: Path) -> None:
    study_plan, store = plan("tasks"), Store(tmp_path)
    for replicate, arms in study_plan.replicates[:-1]:
        for index, arm in enumerate(arms.values()):
            arm_outputs = ArmOutputs(arm, replicate, store)
            plant_images(arm_outputs, 0.3 + 0.05 * index)
            finish(arm_outputs)
    results = collect_results(study_plan, store, {}, "visionflan analyze")
    write_results(results, tmp_path)
    written = json.loads((tmp_path / "results.json").read_text())
    verdict = written["verdicts"][0]
    *estimate, missing = verdict["question_intervals"]
    assert missing is None
    for (low, high), value in zip(estimate, verdict["values"], strict=False):
        assert low < value < high
        assert 0.02 < high - low < 0.2
    assert "left_out" not in written["arms"][0]["replicates"][0]
    with (tmp_path / "claims.csv").open() as file:
        row = next(csv.DictReader(file))
    assert json.loads(row["question_intervals"]) == verdict["question_intervals"]
    assert json.loads(row["values"]) == verdict["values"]
    claim = verdict["claim"]
    assert (row["direction"], float(row["smallest"])) == (claim["direction"], claim["smallest"])
