"""A mixture uses tasks by their rates, in an order of which every budget is a prefix."""

import json
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.errors import TrainingError, UnknownNameError
from visionflan.train.config import DataConfig, StageConfig, TrainConfig
from visionflan.train.config_io import SettingError, from_json, override, to_json
from visionflan.train.mixture import interleave, mixture_order, mixture_shares, task_rates
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.preflight import check_settings

# Sizes and weights of up to twelve tasks.
TASKS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from((0.1, 0.5, 1, 1, 3, 40))), min_size=1
)
TASKS = TASKS.map(lambda tasks: tasks[:12])
TEMPERATURES = st.sampled_from((0.1, 0.7, 1.0, 2.0, 1e6))
LIMITS = st.none() | st.integers(1, 40)
SIZES = {"a/x": 40, "a/y": 10, "b/z": 1}


def mixture_of(tasks: list[tuple[int, float]], **settings: Any) -> tuple[MixtureConfig, list[str]]:
    """Return a mixture with the weights of tasks, and the task of each row."""
    weights = tuple(f"t/{number}:{weight}" for number, (_, weight) in enumerate(tasks))
    rows = [f"t/{number}" for number, (size, _) in enumerate(tasks) for _ in range(size)]
    return MixtureConfig(weights=weights, **settings), rows


def row_ids(rows: list[str]) -> list[str]:
    return [f"{task}/{number}" for number, task in enumerate(rows)]


@given(TASKS, TEMPERATURES, LIMITS, st.integers(0, 3))
def test_every_row_is_used_once_up_to_the_limit_of_its_task(
    tasks: list[tuple[int, float]], temperature: float, limit: int | None, seed: int
) -> None:
    mixture, rows = mixture_of(tasks, temperature=temperature, max_per_task=limit)
    order = mixture_order(mixture, rows, row_ids(rows), seed)
    assert len(order) == len(set(order))
    assert Counter(rows[index] for index in order) == {
        f"t/{number}": min(size, limit or size) for number, (size, _) in enumerate(tasks)
    }


@given(TASKS, TEMPERATURES, st.integers(0, 3))
def test_until_a_task_runs_out_every_prefix_is_within_a_row_of_the_rates(
    tasks: list[tuple[int, float]], temperature: float, seed: int
) -> None:
    mixture, rows = mixture_of(tasks, temperature=temperature)
    sizes = Counter(rows)
    rates = task_rates(mixture, sizes)
    used = Counter[str]()
    for length, task in enumerate(interleave(sizes, rates, seed), 1):
        used[task] += 1
        for other, rate in rates.items():
            assert abs(used[other] - length * rate / sum(rates.values())) < 1 + 1e-9
        if used[task] == sizes[task]:
            break


@given(TASKS, st.integers(0, 3))
def test_the_tasks_that_are_left_share_what_is_left_by_their_rates(
    tasks: list[tuple[int, float]], seed: int
) -> None:
    mixture, rows = mixture_of(tasks)
    sizes = Counter(rows)
    rates = task_rates(mixture, sizes)
    order = list(interleave(sizes, rates, seed))
    first = min(len(order) - 1 - order[::-1].index(task) for task in sizes)
    left = {task: sizes[task] - order[: first + 1].count(task) for task in sizes}
    left = {task: number for task, number in left.items() if number}
    assert order[first + 1 :] == list(interleave(left, {t: rates[t] for t in left}, seed))


@given(TASKS, st.integers(1, 200), st.integers(0, 3))
def test_the_table_counts_the_prefix_of_the_budget(
    tasks: list[tuple[int, float]], budget: int, seed: int
) -> None:
    mixture, rows = mixture_of(tasks, rows=budget)
    order = mixture_order(mixture, rows, row_ids(rows), seed)
    shares = list(mixture_shares(mixture, Counter(rows), seed))
    assert Counter(rows[index] for index in order[:budget]) == Counter(
        {share.task: share.rows for share in shares if share.rows}
    )
    assert sum(share.share for share in shares) == pytest.approx(1)


@given(TASKS, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_build(
    tasks: list[tuple[int, float]], random: Any
) -> None:
    mixture, rows = mixture_of(tasks)
    ids = row_ids(rows)
    shuffled = random.sample(range(len(rows)), len(rows))
    again = mixture_order(mixture, [rows[i] for i in shuffled], [ids[i] for i in shuffled], 0)
    assert [shuffled[index] for index in again] == mixture_order(mixture, rows, ids, 0)


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"rows": 10}, [8, 2, 0]),
        ({"rows": 1000}, [40, 10, 1]),
        ({"rows": 10, "weights": ("a/x:0",)}, [0, 9, 1]),
        ({"max_per_task": 5}, [5, 5, 1]),
        ({"weights": ("a/y:0",)}, [40, 0, 1]),
        ({"target_tokens": 10}, [None, None, None]),
    ],
)
def test_the_table_of_a_mixture(settings: dict[str, Any], rows: list[int | None]) -> None:
    shares = list(mixture_shares(MixtureConfig(**settings), SIZES, 0))
    assert [(share.task, share.available) for share in shares] == list(SIZES.items())
    assert [share.rows for share in shares] == rows


def test_one_large_task_does_not_delay_many_small_ones() -> None:
    rates = {"large": 199, **{f"small{number}": 1 for number in range(199)}}
    order = interleave(dict.fromkeys(rates, 1000), rates, 0)
    assert Counter(islice(order, 100))["large"] == 50


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"a/x": 40, "a/y": 10, "b/z": 1}),
        ({"temperature": 2.0}, {"a/x": 40**0.5, "a/y": 10**0.5, "b/z": 1}),
        ({"max_per_task": 20}, {"a/x": 20, "a/y": 10, "b/z": 1}),
        ({"max_per_task": 20, "temperature": 2.0}, {"a/x": 20**0.5, "a/y": 10**0.5, "b/z": 1}),
        ({"weights": ("a:0.5", "b/*:3")}, {"a/x": 20, "a/y": 5, "b/z": 3}),
        ({"weights": ("a/x:0",)}, {"a/y": 10, "b/z": 1}),
        ({"temperature": 2.0, "weights": ("b/z:2",)}, {"a/x": 40**0.5, "a/y": 10**0.5, "b/z": 2}),
        ({"temperature": 1e9}, {"a/x": 1, "a/y": 1, "b/z": 1}),
    ],
)
def test_the_rates_are_those_of_t5_times_the_weights(
    settings: dict[str, Any], expected: dict[str, float]
) -> None:
    rates = task_rates(MixtureConfig(**settings), SIZES)
    shares = {task: rate / sum(rates.values()) for task, rate in rates.items()}
    total = sum(expected.values())
    assert shares == pytest.approx({task: rate / total for task, rate in expected.items()})


def checked_rates(mixture: MixtureConfig) -> dict[str, int]:
    mixture.check("mixture")
    return task_rates(mixture, SIZES)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"temperature": 0.0},
            TrainingError,
            "`mixture.temperature` is 0.0, but must be at least 0.1",
        ),
        ({"temperature": float("nan")}, TrainingError, "`mixture.temperature` is nan"),
        ({"temperature": float("inf")}, TrainingError, "`mixture.temperature` is inf"),
        ({"rows": 0}, TrainingError, "`mixture.rows` is 0, but must be at least 1"),
        ({"target_tokens": -1}, TrainingError, "`mixture.target_tokens` is -1"),
        ({"max_per_task": 0}, TrainingError, "`mixture.max_per_task` is 0"),
        ({"rows": 1, "target_tokens": 1}, TrainingError, "set at most one of `mixture.rows`"),
        ({"weights": ("a",)}, TrainingError, "'a' of `mixture.weights` is not a weight: write"),
        ({"weights": (":2",)}, TrainingError, "':2' of `mixture.weights` is not a weight"),
        ({"weights": ("a:two",)}, TrainingError, "'a:two' of `mixture.weights` is not a weight"),
        ({"weights": ("a:-1",)}, TrainingError, "'a:-1' of `mixture.weights` is not a weight"),
        ({"weights": ("a:nan",)}, TrainingError, "'a:nan' of `mixture.weights` is not a weight"),
        ({"weights": ("a:inf",)}, TrainingError, "'a:inf' of `mixture.weights` is not a weight"),
        ({"weights": ("a:1", "a:2")}, TrainingError, "`mixture.weights` has 'a' twice"),
        ({"weights": ("a/v:1",)}, UnknownNameError, "no task is named 'a/v': did you mean a/"),
        ({"weights": ("a:1", "*/x:2")}, TrainingError, "two patterns that match a/x, a and */x"),
        ({"weights": ("*:0",)}, TrainingError, "every task has the weight 0"),
    ],
)
def test_what_is_no_mixture_is_refused_in_one_sentence(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        checked_rates(MixtureConfig(**settings))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


STAGE = StageConfig(name="base", learning_rate=1e-3, steps=2, batch_size=8)
CONFIG = TrainConfig(name="run", stages=(STAGE,))


def test_a_setting_of_a_mixture_creates_it_and_none_removes_it() -> None:
    warm = override(CONFIG, "stages.base.data.mixture.temperature=2")
    mixture = override(warm, "stages.base.data.mixture.weights=a:2,b/*:0.5").stages[0].data.mixture
    assert mixture == MixtureConfig(temperature=2.0, weights=("a:2", "b/*:0.5"))
    assert override(warm, "stages.base.data.mixture=none") == CONFIG
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(warm)))) == warm
    with pytest.raises(SettingError, match=r"data\.mixture` is a group of settings: set one"):
        override(CONFIG, "stages.base.data.mixture=2")
    with pytest.raises(UnknownNameError, match="'temperatures', did you mean temperature"):
        override(CONFIG, "stages.base.data.mixture.temperatures=2")
    with pytest.raises(SettingError, match="max_instances is a value and has no 'more'"):
        override(CONFIG, "stages.base.data.max_instances.more=2")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            DataConfig(mixture=MixtureConfig(temperature=2.0)),
            r"the mixture of stage base has no budget, .* set stages\.base\.data\.mixture\.rows",
        ),
        (
            DataConfig(mixture=MixtureConfig(rows=2), max_instances=3),
            r"has both a mixture and `max_instances`: set stages\.base\.data\.max_instances=none",
        ),
    ],
)
def test_a_mixture_without_effect_or_with_two_budgets_is_refused(
    data: DataConfig, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        check_settings(replace(CONFIG, stages=(replace(STAGE, data=data),)))


@pytest.mark.parametrize("settings", [{"max_per_task": 3}, {"weights": ("a:0",)}])
def test_a_limit_or_a_task_left_out_is_a_budget(settings: dict[str, Any]) -> None:
    data = DataConfig(mixture=MixtureConfig(**settings))
    check_settings(replace(CONFIG, stages=(replace(STAGE, data=data),)))
