"""For any tasks and images: no held-out image is in training."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.builder.split import (
    HoldOutConfig,
    collect_image_usage,
    hold_out_mask,
    merge_shown_together,
)
from visionflan.storage.schema import INSTANCES

TASKS = ["a/one", "a/two", "b/three"]


@st.composite
def instances(draw: st.DrawFn) -> list[tuple[str, list[int], str, str]]:
    images = st.lists(st.integers(0, 14), max_size=3)
    splits = st.sampled_from(["", "train", "validation", "test"])
    videos = st.sampled_from(["", "", "1", "2", "3"])
    rows = st.tuples(st.sampled_from(TASKS), images, splits, videos)
    return draw(st.lists(rows, min_size=1, max_size=60))


@settings(deadline=None)
@given(
    instances(),
    st.lists(st.integers(0, 14), min_size=15, max_size=15),
    st.floats(0, 0.9),
    st.sets(st.sampled_from(TASKS), max_size=2),
    st.integers(0, 5),
    st.booleans(),
)
def test_no_group_of_images_is_on_both_sides(
    shown_rows: list[tuple[str, list[int], str, str]],
    looks: list[int],
    fraction: float,
    tasks_out: set[str],
    seed: int,
    official: bool,
) -> None:
    ids = [f"{row:064x}" for row in range(15)]
    groups = np.array([min(n for n in range(15) if looks[n] == look) for look in looks], np.int32)
    table = instance_columns(
        [(task, [ids[row] for row in rows], part, video) for task, rows, part, video in shown_rows]
    )
    usage = collect_image_usage(table, pa.chunked_array([ids]), TASKS)
    linked = merge_shown_together(groups, usage)
    hold_out = HoldOutConfig(
        image_fraction=fraction, tasks=tuple(sorted(tasks_out)), seed=seed, official=official
    )
    mask = hold_out_mask(hold_out, TASKS, usage, linked, pa.chunked_array([ids]))
    sides: dict[int | str, bool] = {}
    for (task, rows, part, video), out in zip(shown_rows, mask, strict=True):
        assert out or task not in tasks_out
        assert out or part not in ("validation", "test") or not official
        for row in rows:
            assert sides.setdefault(int(groups[row]), bool(out)) == out
            assert not video or sides.setdefault(f"{task[0]}/{video}", bool(out)) == out
    if fraction == 0 and not tasks_out and not official:
        assert not mask.any()


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.05, 0.2, 0.5]))
def test_the_fraction_of_images_is_held_out(seed: int, fraction: float) -> None:
    ids = [f"{row:064x}" for row in range(2000)]
    table = instance_columns([("a/one", [name], "", "") for name in ids])
    usage = collect_image_usage(table, pa.chunked_array([ids]), ["a/one"])
    hold_out = HoldOutConfig(image_fraction=fraction, tasks=(), seed=seed)
    mask = hold_out_mask(
        hold_out, ["a/one"], usage, np.arange(2000, dtype=np.int32), pa.chunked_array([ids])
    )
    assert abs(mask.mean() - fraction) < 0.06


def test_a_group_is_held_out_only_within_its_dataset() -> None:
    ids = [f"{row:064x}" for row in range(3)]
    table = instance_columns(
        [
            ("a/one", ids[:1], "test", "7"),
            ("a/two", ids[1:2], "train", "7"),
            ("b/three", ids[2:], "", "7"),
        ]
    )
    usage = collect_image_usage(table, pa.chunked_array([ids]), TASKS)
    linked = merge_shown_together(np.arange(3, dtype=np.int32), usage)
    hold_out = HoldOutConfig(image_fraction=0, tasks=(), seed=0, official=True)
    assert hold_out_mask(hold_out, TASKS, usage, linked, pa.chunked_array([ids])).tolist() == [
        True,
        True,
        False,
    ]


def test_a_row_without_an_image_holds_out_the_images_of_its_group() -> None:
    ids = [f"{row:064x}" for row in range(1)]
    table = instance_columns(
        [("a/one", [], "validation", "1"), ("a/one", ids, "", ""), ("a/one", ids, "", "1")]
    )
    usage = collect_image_usage(table, pa.chunked_array([ids[:1]]), TASKS)
    hold_out = HoldOutConfig(image_fraction=0, tasks=(), seed=0, official=True)
    mask = hold_out_mask(
        hold_out, TASKS, usage, np.zeros(1, dtype=np.int32), pa.chunked_array([ids])
    )
    assert mask.tolist() == [True, True, True]


def instance_columns(rows: list[tuple[str, list[str], str, str]]) -> pa.Table:
    """Return the columns of instances that decide the split."""
    names = ["dataset", "task", "images", "official_split", "group"]
    values = [
        {
            "dataset": task.partition("/")[0],
            "task": task,
            "images": images,
            "official_split": part,
            "group": video,
        }
        for task, images, part, video in rows
    ]
    return pa.Table.from_pylist(values, INSTANCES.empty_table().select(names).schema)
