import json
import re
import shutil
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.html_reader import read
from tests.helpers.tiny_evaluation import ToyModel, tiny_build
from visionflan.cli.main import main
from visionflan.evaluate.aggregate.paired import by_item, differences
from visionflan.evaluate.aggregate.summary import OVERALL
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import write_records
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.report.charts import MAX_POINTS, downsample, nice_ticks
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import render_page, write_report
from visionflan.report.run_page.response_style import response_style_section
from visionflan.report.run_page.scores import IGNORES, USES, changes, sight_checks
from visionflan.report.run_page.training import initialization, loss_curves, stage_summaries
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "run"
    build = tiny_build(directory / "data")
    answer(directory, build, "base", ToyModel("base"))
    answer(directory, build, "chat", ToyModel("chat", chatty=True))
    stages = [
        {"name": "base", "trainable": ["connector", "language_model"], "data": {"build": None}},
        {"name": "chat", "trainable": ["connector", "language_model"], "data": {"build": None}},
    ]
    config = {
        "name": "tiny",
        "build": str(directory / "data"),
        "init": {
            "vision_tower": "a-tower",
            "language_model": "a-language-model",
            "checkpoint": None,
        },
        "stages": stages,
    }
    (directory / "config.json").write_text(json.dumps(config))
    for stage, steps in (("pretrain", 40), ("chat", 5), ("base", 900)):
        train(directory / stage, steps)
    pretrain = {"description": "The tower learns from words.", "steps": 40}
    (directory / "pretrain/run.json").write_text(json.dumps(pretrain))
    return directory


def answer(
    directory: Path, build: BuildDirectory, stage: str, model: ToyModel, **settings: Any
) -> None:
    subject = EvalSubject(model=model, path=directory, run="run", stage=stage)
    evaluate(
        subject,
        held_out_set([build]),
        directory / "evaluation" / stage,
        EvaluationSettings(**settings),
    )


def train(directory: Path, steps: int) -> None:
    directory.mkdir(exist_ok=True)
    lines = [
        {
            "step": step,
            "loss": 1 / step,
            "samples_per_second": 9.0,
            "padding_fraction": 0.1,
            "elapsed_seconds": step,
        }
        for step in range(1, steps + 1)
    ]
    (directory / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_the_page_stands_by_itself_and_can_be_read_by_all(run: Path) -> None:
    text = write_report(run).read_text()
    reader = read(text)
    assert reader.problems == []
    assert reader.open == []
    assert not set(reader.targets) - set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.counts["script"] == 0
    assert "url(" not in text
    assert "@import" not in text
    assert reader.counts["img"] > 20
    assert reader.counts["h1"] == 1


def test_the_page_says_what_the_scores_say(run: Path) -> None:
    page_text = read(render_page(load_run(run))).text
    scores = json.loads((run / "evaluation/chat/scores.json").read_bytes())
    overall = scores["groups"][OVERALL]
    assert (
        f"{USES}: {overall['score']['mean']:.2f} with original images, "
        f"{overall['blank']['mean']:.2f} with blank images"
    ) in page_text
    for task in scores["tasks"].values():
        assert task["title"] in page_text
        assert f"{task['swapped']['mean']:.2f}" in page_text
    assert f"{100 * scores['tasks']['shapes/exists']['yes_no']['yes_rate']:.0f} %" in page_text
    assert scores["checkpoint"] in page_text
    assert " with swapped images. Chance is " in page_text


def test_every_section_is_there(run: Path) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", render_page(load_run(run)))
    assert headings == [
        "Scores on held-out tasks",
        "Failure cases",
        "Changes in the last stage",
        "Conversations",
        "Response style",
        "Training data",
        "Training",
        "Settings and digests",
    ]


def test_every_response_to_an_original_image_has_a_length_and_a_parse_status(run: Path) -> None:
    section = response_style_section(load_run(run).evaluations)
    assert [style.statuses for style in section.stages] == ["100 % parsed"] * 2
    assert [style.lengths is not None for style in section.stages] == [True, True]
    heights = re.findall(r'class="bar \w+"[^>]* height="([\d.]+)"', section.lengths)
    assert max(map(float, heights)) > 100


def test_the_ledger_is_listed_by_reason(run: Path) -> None:
    page_text = read(render_page(load_run(run))).text
    assert "image missing" in page_text
    assert "the image is not where the release says" in page_text


def test_stages_are_in_the_order_in_which_they_were_trained(run: Path) -> None:
    stages = stage_summaries(load_run(run))
    assert [stage.name for stage in stages] == ["pretrain", "base", "chat"]
    assert [stage.steps for stage in stages] == [40, 900, 5]
    assert stages[1].curves[0].first == 1.0
    assert stages[1].curves[0].last == pytest.approx(1 / 900)


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


def test_loss_curves_are_folded_on_a_narrow_screen(run: Path) -> None:
    text = render_page(load_run(run))
    curves = '<details class="fold"><summary>loss curves</summary>\n<div class="curves">'
    assert text.count(curves) == text.count('<div class="curves">') == 1


def test_parts_that_the_run_trained_itself_need_no_source(run: Path) -> None:
    data = load_run(run)
    tower = str(run / "pretrain/vision_tower")
    own = {"init": {"vision_tower": tower, "language_model": "elsewhere"}}
    assert initialization(replace(data, config=own)) == "The language model is elsewhere."


def test_the_page_names_the_source_of_each_part(run: Path) -> None:
    page_text = read(render_page(load_run(run))).text
    assert "The vision tower is a-tower. The language model is a-language-model." in page_text
    assert "The tower learns from words." in page_text


def test_the_page_says_that_a_model_ignores_the_images(run: Path, tmp_path: Path) -> None:
    class Blind(ToyModel):
        def text(self, prompt: str, color: str, side: str) -> str:
            return super().text(prompt, "red", "left")

    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", Blind("blind"))
    (check,) = sight_checks(load_run(tmp_path).evaluations)
    assert check.conclusion == IGNORES
    text = render_page(load_run(tmp_path))
    assert IGNORES in text
    assert "Changes in the last stage" not in text


def test_a_run_compared_with_itself_has_changed_by_exactly_nothing(run: Path) -> None:
    (base, _) = load_run(run).evaluations
    same = by_item(base.records)
    by_task, by_group = differences(same, same, {"all": list(base.header.tasks)})
    for change in (*by_task.values(), *by_group.values()):
        assert (change.mean, change.low) == (0.0, 0.0)


def test_answers_under_other_settings_are_not_compared(run: Path, tmp_path: Path) -> None:
    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", ToyModel("base"))
    answer(tmp_path, build, "chat", ToyModel("chat"), max_new_tokens=3)
    data = load_run(tmp_path)
    assert changes(data.evaluations) == ({}, {})
    assert "changes between them are not shown" in render_page(data)


def test_a_response_is_shown_and_never_run(run: Path, tmp_path: Path) -> None:
    class Rude(ToyModel):
        def text(self, prompt: str, color: str, side: str) -> str:
            return "<script>alert('red')</script> & \"more\""

    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", Rude("rude"), limit=3)
    reader = read(render_page(load_run(tmp_path)))
    assert reader.counts["script"] == 0
    assert "<script>alert('red')" in reader.text


def test_a_stored_score_that_is_not_a_number_is_refused_with_its_item(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(tmp_path, BuildDirectory(run / "data"), "base", ToyModel(), limit=3)
    (evaluation,) = load_run(tmp_path).evaluations
    (path,) = tmp_path.rglob(RECORDS)
    write_records(
        path, [*evaluation.records[:-1], evaluation.records[-1]._replace(score_official=nan)]
    )
    assert main(["report", str(tmp_path)]) == 1
    assert f"of {evaluation.records[-1].task} in {path.parent} is nan" in capsys.readouterr().err


def test_a_build_that_is_gone_leaves_a_page_without_images(run: Path, tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "gone", num_images=4)
    answer(tmp_path / "run", build, "base", ToyModel())
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    text = render_page(load_run(tmp_path / "run"))
    assert "was not found" in text
    assert read(text).counts["img"] == 0


def test_images_stay_within_their_budget(run: Path) -> None:
    build = BuildDirectory(run / "data")
    images = [instance.images[0] for instance in build.instances("held_out", ["shapes/color"])]
    inline = InlineImages([build], max_bytes=2000)
    uris = [inline.uri(image) for image in images]
    assert 0 < sum(map(len, uris)) <= 2000
    assert uris[-1] == ""
    assert InlineImages([build]).uri("0" * 64) == ""


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


def test_a_report_is_written_from_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run), "--out", str(tmp_path / "page.html"), "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert Path(output["report"]).read_text().startswith("<!doctype html>")
    assert [stage["conclusion"] for stage in output["stages"]] == [USES, USES]
    assert main(["report", str(tmp_path)]) == 1
    assert "visionflan evaluate" in capsys.readouterr().err


def test_the_demo_shows_two_models_that_ignore_the_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--demo", "--out", str(tmp_path / "page.html"), "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert {stage["conclusion"] for stage in output["stages"]} == {IGNORES}
    for stage in output["stages"]:
        assert stage["score"] == stage["blank"] == stage["swapped"] == stage["majority"]
