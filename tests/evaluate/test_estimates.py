import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.evaluate.aggregate.estimates import Sample, estimates
from visionflan.evaluate.aggregate.intervals import SHARE, Scale, student_quantile
from visionflan.evaluate.aggregate.signal_detection import signal_detection

VALUES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0])),
    min_size=1,
    max_size=40,
)


def random_samples(images: int, questions: int, *, shared: float) -> list[Sample]:
    """Sample right and wrong answers, of which a share depends on the image alone."""
    generator = np.random.default_rng(3)
    samples = []
    for image in range(images):
        easy = generator.random() < 0.5
        for _ in range(questions):
            right = easy if generator.random() < shared else generator.random() < 0.5
            samples.append(Sample("t", f"image {image}", float(right)))
    return samples


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_an_interval_holds_its_mean_and_stays_within_the_scores(
    values: list[tuple[str, int, float]],
) -> None:
    samples = [Sample(task, str(cluster), value) for task, cluster, value in values]
    by_task, by_group = estimates(samples, {"all": ["a", "b", "not there"]})
    for mean in (*by_task.values(), *by_group.values()):
        if mean.low is not None and mean.high is not None:
            assert 0.0 <= mean.low <= mean.mean + 1e-9 <= mean.high + 2e-9 <= 1.0 + 2e-9


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_the_order_of_records_changes_nothing(values: list[tuple[str, int, float]]) -> None:
    samples = [Sample(task, str(cluster), value) for task, cluster, value in values]
    assert estimates(samples, {"all": ["a", "b"]}) == estimates(samples[::-1], {"all": ["a", "b"]})


def test_a_group_averages_over_tasks_and_not_over_items() -> None:
    samples = [Sample("large", str(i), 1.0) for i in range(9)] + [Sample("small", "0", 0.0)]
    _, by_group = estimates(samples, {"all": ["large", "small"]})
    assert by_group["all"].mean == 0.5
    assert (by_group["all"].items, by_group["all"].tasks, by_group["all"].clusters) == (10, 2, 9)


def test_tasks_with_one_image_each_are_pooled() -> None:
    small = [
        Sample(f"small {number}", f"image {number}", float(number % 4 > 0)) for number in range(20)
    ]
    tasks = sorted({sample.task for sample in small})
    alone = estimates(small, {"all": tasks})[1]["all"]
    as_one_task = estimates([sample._replace(task="t") for sample in small], {})[0]["t"]
    assert (alone.mean, alone.low, alone.high) == (0.75, as_one_task.low, as_one_task.high)
    large = [Sample("large", f"other {number}", float(number % 2)) for number in range(80)]
    both = estimates([*small, *large], {"all": [*tasks, "large"]})[1]["all"]
    assert both.mean == pytest.approx((15 + 0.5) / 21)
    assert both.low is not None
    assert both.high is not None
    assert 0.4 < both.low < both.mean < both.high < 0.95


def test_equal_tasks_with_one_image_each_leave_open_what_so_few_images_do() -> None:
    small = [Sample(f"small {number}", f"image {number}", 1.0) for number in range(29)]
    result = estimates(small, {"all": [sample.task for sample in small]})[1]["all"]
    assert (result.mean, result.high) == (1.0, 1.0)
    assert result.low == pytest.approx(0.025 ** (1 / 29))


def test_no_interval_of_varied_or_equal_scores_has_no_width() -> None:
    for value in (0.0, 0.3, 1.0):
        for clusters in (2, 5, 40):
            samples = [Sample("t", str(n), value) for n in range(clusters)]
            for scale in (SHARE, Scale(-1.0, 1.0)):
                result = estimates(samples, {"all": ["t"]}, scale=scale)
                for mean in (result[0]["t"], result[1]["all"]):
                    assert mean.low is not None
                    assert mean.high is not None
                    assert mean.low < mean.high
            unbounded = estimates(samples, {}, unbounded=["t"])[0]["t"]
            assert (unbounded.low, unbounded.high) == (None, None)


def test_a_change_is_as_uncertain_upward_as_downward() -> None:
    samples = [Sample("t", str(n), (1.0, 0.0, -1.0)[n % 3]) for n in range(30)]
    result = estimates(samples, {}, scale=Scale(-1.0, 1.0))[0]["t"]
    assert result.mean == 0.0
    assert result.low is not None
    assert result.high == -result.low
    error = math.sqrt(20 / 29 / 30)
    assert result.high == pytest.approx(student_quantile(29.0) * error, rel=0.1)


@pytest.mark.parametrize("degrees", [1.0, 1.5, 4.0, 29.0, 1e4])
def test_the_quantile_is_that_of_students_distribution(degrees: float) -> None:
    stats = pytest.importorskip("scipy.stats", exc_type=ImportError)
    assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_the_quantile_has_the_values_of_printed_tables() -> None:
    for degrees, printed in ((1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042)):
        assert student_quantile(degrees) == pytest.approx(printed, abs=5e-4)


def test_asking_the_same_image_often_narrows_nothing() -> None:
    once = random_samples(60, 1, shared=1.0)
    often = [sample for sample in once for _ in range(10)]
    one, many = (estimates(samples, {})[0]["t"] for samples in (once, often))
    assert (one.low, one.high) == (many.low, many.high)


def test_an_interval_has_the_width_that_theory_gives_it() -> None:
    samples = random_samples(400, 1, shared=1.0)
    result = estimates(samples, {})[0]["t"]
    expected = 2 * 1.96 * math.sqrt(result.mean * (1 - result.mean) / 400)
    assert result.low is not None
    assert result.high is not None
    assert result.high - result.low == pytest.approx(expected, rel=0.08)


def test_nothing_but_ones_still_has_an_interval() -> None:
    by_task, by_group = estimates([Sample("t", str(i), 1.0) for i in range(20)], {"all": ["t"]})
    for mean in (by_task["t"], by_group["all"]):
        assert mean.low == pytest.approx(0.025 ** (1 / 20))
        assert mean.high == 1.0


def test_nothing_but_noughts_still_has_an_interval() -> None:
    result = estimates([Sample("t", str(i), 0.0) for i in range(20)], {})[0]["t"]
    assert result.low == 0.0
    assert result.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_one_image_alone_has_no_interval() -> None:
    result = estimates([Sample("t", "one", 1.0), Sample("t", "one", 0.0)], {})[0]["t"]
    assert (result.mean, result.low, result.high) == (0.5, None, None)


def test_the_same_samples_give_the_same_intervals() -> None:
    samples = random_samples(1000, 3, shared=0.5)
    assert estimates(samples, {}) == estimates(samples, {})


def test_saying_yes_to_everything_is_bias_without_ability() -> None:
    truth = [True, False] * 50
    result = signal_detection([True] * 100, truth)
    assert result.yes_rate == 1.0
    assert result.sensitivity == pytest.approx(0.0)
    assert result.criterion is not None
    assert result.criterion < -2


def test_answering_by_the_truth_is_ability_without_bias() -> None:
    truth = [True, False] * 50
    result = signal_detection(truth, truth)
    assert result.sensitivity is not None
    assert result.sensitivity > 4
    assert result.criterion == pytest.approx(0.0)


def test_the_yes_rate_is_that_of_the_answers_and_not_of_the_truth() -> None:
    result = signal_detection([False, False, False, True], [True, True, True, True])
    assert result.yes_rate == 0.25
    assert result.sensitivity is None


def test_detection_agrees_with_values_worked_by_hand() -> None:
    """Of 19 positives 15 are met and of 19 negatives 3 are mistaken: z(15.5/20) and z(3.5/20)."""
    answered_yes = [True] * 15 + [False] * 4 + [True] * 3 + [False] * 16
    result = signal_detection(answered_yes, [True] * 19 + [False] * 19)
    assert result.sensitivity == pytest.approx(0.755415 + 0.934589, abs=1e-5)
    assert result.criterion == pytest.approx((0.934589 - 0.755415) / 2, abs=1e-5)
