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
def instances(draw: st.DrawFn) -> list[tuple[str, list[int]]]:
    images = st.lists(st.integers(0, 14), max_size=3)
    return draw(st.lists(st.tuples(st.sampled_from(TASKS), images), min_size=1, max_size=60))


@settings(deadline=None)
@given(
    instances(),
    st.lists(st.integers(0, 14), min_size=15, max_size=15),
    st.floats(0, 0.9),
    st.sets(st.sampled_from(TASKS), max_size=2),
    st.integers(0, 5),
)
def test_no_group_of_images_is_on_both_sides(
    shown_rows: list[tuple[str, list[int]]],
    looks: list[int],
    fraction: float,
    tasks_out: set[str],
    seed: int,
) -> None:
    ids = [f"{row:064x}" for row in range(15)]
    groups = np.array([min(n for n in range(15) if looks[n] == look) for look in looks], np.int32)
    columns = INSTANCES.empty_table().select(["task", "images"]).schema
    table = pa.Table.from_pylist(
        [{"task": task, "images": [ids[row] for row in rows]} for task, rows in shown_rows],
        columns,
    )
    usage = collect_image_usage(table, {image_id: row for row, image_id in enumerate(ids)}, TASKS)
    linked = merge_shown_together(groups, usage)
    hold_out = HoldOutConfig(image_fraction=fraction, tasks=tuple(sorted(tasks_out)), seed=seed)
    mask = hold_out_mask(hold_out, TASKS, usage, linked, ids)
    sides: dict[int, bool] = {}
    for (task, rows), out in zip(shown_rows, mask, strict=True):
        assert out or task not in tasks_out
        for row in rows:
            assert sides.setdefault(int(groups[row]), bool(out)) == out
    if fraction == 0 and not tasks_out:
        assert not mask.any()


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.05, 0.2, 0.5]))
def test_the_fraction_of_images_is_held_out(seed: int, fraction: float) -> None:
    ids = [f"{row:064x}" for row in range(2000)]
    columns = INSTANCES.empty_table().select(["task", "images"]).schema
    table = pa.Table.from_pylist([{"task": "a/one", "images": [name]} for name in ids], columns)
    usage = collect_image_usage(table, {name: row for row, name in enumerate(ids)}, ["a/one"])
    hold_out = HoldOutConfig(image_fraction=fraction, tasks=(), seed=seed)
    mask = hold_out_mask(hold_out, ["a/one"], usage, np.arange(2000, dtype=np.int32), ids)
    assert abs(mask.mean() - fraction) < 0.06
