"""The curves of losses on the page of a run."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.html_reader import read
from visionflan.report.charts import MAX_POINTS, downsample, nice_ticks
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import render_page
from visionflan.report.run_page.training import loss_curves, stage_summaries


def test_each_loss_of_a_stage_has_a_curve_of_its_own() -> None:
    lines = [{"step": 1, "vision_tower_loss": 3.0}, {"step": 2, "vision_tower_loss": 2.0}]
    lines += [{"step": 1, "language_model_loss": 5.0}, {"step": 2, "language_model_loss": 4.0}]
    lines += [{"step": 3, "language_model_loss": float("nan")}, {"step": 1, "rare_loss": 1.0}]
    curves = list(loss_curves("pretrain", lines))
    assert [curve.name for curve in curves] == [
        "pretrain: vision tower",
        "pretrain: language model",
    ]
    assert [curve.last for curve in curves] == [2.0, 4.0]


def test_the_held_out_loss_and_alarms_are_beside_the_training_loss(
    run: Path, tmp_path: Path
) -> None:
    watched = shutil.copytree(run, tmp_path / "run")
    lines = [{"step": step, "loss": 2 - step / 900, "tasks": {}} for step in range(100, 901, 100)]
    (watched / "base/validation.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))
    alarm = {
        "step": 9,
        "kind": "flat_loss",
        "task": "a/<b>",
        "message": "the loss of a/<b> is flat",
    }
    (watched / "base/alarms.jsonl").write_text(f"{json.dumps(alarm)}\n")
    validation = {
        "best_step": 800,
        "best_loss": 1.0,
        "saved_step": 900,
        "stopped_early": "stopped early at step 900: no improvement",
    }
    (watched / "base/checkpoint").mkdir()
    (watched / "base/checkpoint/run.json").write_text(json.dumps({"validation": validation}))
    (curve,) = stage_summaries(load_run(watched))[1].curves
    assert curve.held_out == pytest.approx((2 - 1 / 9, 1.0))
    (points,) = re.findall(r'class="held-out-loss" points="([^"]*)"', curve.chart)
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 9
    assert heights == sorted(heights), "a falling loss goes down on the page"
    assert min(heights) >= 10, "within the chart, although it is above the training loss"
    reader = read(render_page(load_run(watched)))
    assert reader.problems == []
    assert "of held-out rows (dashed), from 1.89 to 1.00" in reader.text
    assert "base: alarm the loss of a/<b> is flat." in reader.text
    assert (
        "base has the weights after step 900. Its held-out loss was lowest after step 800: 1.000. "
        "It stopped early at step 900: no improvement."
    ) in reader.text
    assert "held-out-loss" not in render_page(load_run(run)).partition("</style>")[2]


@given(st.floats(1e-6, 1e6))
def test_an_axis_has_few_round_ticks_and_reaches_its_top(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 7
    assert ticks[-1] >= top * (1 - 1e-9)


@given(st.integers(1, 3000))
def test_a_long_curve_is_downsampled_and_keeps_its_last_step(count: int) -> None:
    points = downsample([(float(step), 1.0) for step in range(count)])
    assert len(points) <= MAX_POINTS
    assert points[-1] == (count - 1, 1.0)
