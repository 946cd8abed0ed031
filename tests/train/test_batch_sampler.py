"""Steps follow from the seed; an epoch has every row once, and so have its micro-batches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.train.batch_sampler import BatchSampler, local_micro_batches, token_budget_groups
from visionflan.train.config import StageConfig

STAGE = StageConfig(name="base", learning_rate=1.0, epochs=1, batch_size=8)
row_lengths = st.lists(st.integers(1, 90), min_size=1, max_size=200).map(
    lambda lengths: np.array(lengths, np.int32)
)
stages = st.builds(
    lambda size, tokens, bucket, epochs: StageConfig(
        name="base",
        learning_rate=1.0,
        epochs=epochs,
        batch_size=size if tokens is None else None,
        batch_tokens=tokens,
        bucket_steps=bucket,
    ),
    size=st.integers(1, 20),
    tokens=st.none() | st.integers(30, 400),
    bucket=st.integers(1, 5),
    epochs=st.sampled_from([1, 2, 0.5, 1.3]),
)


@settings(deadline=None)
@given(row_lengths, stages, st.integers(0, 3))
def test_every_epoch_has_each_row_once(lengths: np.ndarray, stage: StageConfig, seed: int) -> None:
    sampler = BatchSampler(lengths, stage, seed)
    for number in (0, 1):
        rows = np.concatenate(sampler.epoch(number))
        assert sorted(rows) == list(range(len(lengths)))
    for rows in sampler.epoch(0):
        assert (np.diff(lengths[rows]) <= 0).all(), "a step begins with its longest row"
        if stage.batch_size is not None:
            assert len(rows) <= stage.batch_size
        else:
            padded = len(rows) * lengths[rows].max()
            assert len(rows) == 1 or padded <= (stage.batch_tokens or 0)


@settings(deadline=None)
@given(row_lengths, stages, st.data())
def test_a_sampler_resumes_at_any_step_as_if_it_had_not_stopped(
    lengths: np.ndarray,
    stage: StageConfig,
    data: st.DataObject,
) -> None:
    steps = [rows.tolist() for rows in BatchSampler(lengths, stage, 5).from_step(0)]
    assert len(steps) == BatchSampler(lengths, stage, 5).steps
    stopped = data.draw(st.integers(0, len(steps)))
    rest = [rows.tolist() for rows in BatchSampler(lengths, stage, 5).from_step(stopped)]
    assert rest == steps[stopped:]


@settings(deadline=None)
@given(row_lengths, st.integers(1, 300), st.integers(1, 5))
def test_ranks_share_every_row_once_in_equally_many_micro_batches(
    lengths: np.ndarray,
    micro_batch_tokens: int,
    world_size: int,
) -> None:
    rows = np.argsort(-lengths, kind="stable")
    by_rank = [
        local_micro_batches(rows, lengths, micro_batch_tokens, rank, world_size)
        for rank in range(world_size)
    ]
    assert len({len(micro_batches) for micro_batches in by_rank}) == 1
    together = [micro.rows for micro_batches in by_rank for micro in micro_batches]
    assert sorted(np.concatenate(together)) == list(range(len(lengths)))
    for micro_batches in by_rank:
        for micro in micro_batches:
            assert len(micro.rows) <= 1 or len(micro.rows) * micro.max_len <= micro_batch_tokens


def test_seeds_stages_and_epochs_have_orders_of_their_own() -> None:
    lengths = np.arange(1, 100, dtype=np.int32)
    orders = {
        tuple(np.concatenate(BatchSampler(lengths, stage, seed).epoch(number)).tolist())
        for stage in (STAGE, replace(STAGE, name="chat"))
        for seed in (0, 1)
        for number in (0, 1)
    }
    assert len(orders) == 8


def test_a_larger_bucket_pads_less_and_a_bucket_of_one_step_is_a_random_draw() -> None:
    lengths = np.random.RandomState(0).randint(20, 200, 4000).astype(np.int32)

    def padding(bucket_steps: int) -> float:
        sampler = BatchSampler(lengths, replace(STAGE, bucket_steps=bucket_steps), 0)
        padded = sum(len(rows) * lengths[rows].max() for rows in sampler.epoch(0))
        return float(1 - lengths.sum() / padded)

    assert padding(50) < 0.02
    assert padding(1) > 0.3
    steps = BatchSampler(lengths, replace(STAGE, bucket_steps=1), 0).epoch(0)
    means = np.array([lengths[rows].mean() for rows in steps])
    standard_error = lengths.std() / np.sqrt(8)
    assert means.std() == pytest.approx(standard_error, rel=0.15)


def test_the_order_is_the_same_on_every_machine() -> None:
    sampler = BatchSampler(
        np.arange(1, 11, dtype=np.int32), replace(STAGE, batch_size=4, bucket_steps=1), 0
    )
    assert [rows.tolist() for rows in sampler.epoch(0)] == [[7, 6, 4, 3], [8, 5, 2, 1], [9, 0]]


def test_a_row_longer_than_the_budget_is_a_group_of_its_own() -> None:
    lengths = np.array([50, 10, 10, 10], np.int32)
    groups = token_budget_groups(np.arange(4), lengths, 30)
    assert [rows.tolist() for rows in groups] == [[0], [1, 2, 3]]
