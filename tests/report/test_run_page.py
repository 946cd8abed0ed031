import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.html_reader import read
from tests.helpers.tiny_evaluation import Looker, tiny_build
from visionflan.cli.main import main
from visionflan.evaluate.aggregate.paired import by_item, differences
from visionflan.evaluate.aggregate.summary import OVERALL
from visionflan.evaluate.held_out import held_out
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.report.charts import MOST_POINTS, nice_ticks, thinned
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import page, write_report
from visionflan.report.run_page.scores import changes, sight_checks
from visionflan.report.run_page.training import curves, stage_summaries, start
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    build = tiny_build(folder / "data")
    answer(folder, build, "base", Looker("base"))
    answer(folder, build, "chat", Looker("chat", chatty=True))
    stages = [
        {"name": "base", "trainable": ["connector", "language_model"], "data": {"build": None}},
        {"name": "chat", "trainable": ["connector", "language_model"], "data": {"build": None}},
    ]
    config = {
        "name": "tiny",
        "build": str(folder / "data"),
        "init": {
            "vision_tower": "a-tower",
            "language_model": "a-language-model",
            "checkpoint": None,
        },
        "stages": stages,
    }
    (folder / "config.json").write_text(json.dumps(config))
    for phase, steps in (("pretrain", 40), ("chat", 5), ("base", 900)):
        train(folder / phase, steps)
    about = {"about": "The tower learns from words.", "steps": 40}
    (folder / "pretrain/run.json").write_text(json.dumps(about))
    return folder


def answer(folder: Path, build: BuildDirectory, phase: str, model: Looker, **told: Any) -> None:
    subject = EvalSubject(answerer=model, path=folder, run="run", phase=phase)
    evaluate(subject, held_out([build]), folder / "evaluation" / phase, EvaluationSettings(**told))


def train(folder: Path, steps: int) -> None:
    folder.mkdir(exist_ok=True)
    lines = [
        {"step": step, "loss": 1 / step, "samples_per_second": 9.0, "padding": 0.1, "seconds": step}
        for step in range(1, steps + 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_the_page_stands_by_itself_and_can_be_read_by_all(run: Path) -> None:
    text = write_report(run).read_text()
    reader = read(text)
    assert reader.faults == []
    assert reader.open == []
    assert not set(reader.targets) - set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.counts["script"] == 0
    assert "url(" not in text
    assert "@import" not in text
    assert reader.counts["img"] > 20
    assert reader.counts["h1"] == 1


def test_the_page_says_what_the_scores_say(run: Path) -> None:
    words = " ".join(" ".join(read(page(load_run(run))).text).split())
    scores = json.loads((run / "evaluation/chat/scores.json").read_bytes())
    overall = scores["groups"][OVERALL]
    assert (
        f"The model sees: {overall['score']['mean']:.2f} on true pictures, "
        f"{overall['blank']['mean']:.2f} on grey ones"
    ) in words
    for told in scores["tasks"].values():
        assert told["title"] in words
        assert f"{told['swapped']['mean']:.2f}" in words
    assert f"{100 * scores['tasks']['shapes/exists']['yes']['yes_rate']:.0f} %" in words
    assert scores["checkpoint"] in words


def test_every_part_of_the_story_is_told(run: Path) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page(load_run(run)))
    assert headings == [
        "What was built",
        "How the model was made",
        "Does it see?",
        "Where it fails",
        "What the last stage changed",
        "In conversation",
        "How it speaks",
        "Settings and digests",
    ]


def test_the_ledger_is_told_by_reason(run: Path) -> None:
    words = " ".join(read(page(load_run(run))).text)
    assert "image missing" in words
    assert "the picture is not where the release says" in words


def test_phases_are_told_in_the_order_in_which_they_were_trained(run: Path) -> None:
    phases = stage_summaries(load_run(run))
    assert [phase.name for phase in phases] == ["pretrain", "base", "chat"]
    assert [phase.steps for phase in phases] == [40, 900, 5]
    assert phases[1].curves[0].first == 1.0
    assert phases[1].curves[0].last == pytest.approx(1 / 900)


def test_each_loss_of_a_phase_has_a_curve_of_its_own() -> None:
    lines = [{"step": 1, "tower_loss": 3.0}, {"step": 2, "tower_loss": 2.0}]
    lines += [{"step": 1, "language_model_loss": 5.0}, {"step": 2, "language_model_loss": 4.0}]
    lines += [{"step": 3, "language_model_loss": float("nan")}, {"step": 1, "rare_loss": 1.0}]
    found = list(curves("pretrain", lines))
    assert [curve.name for curve in found] == ["pretrain: tower", "pretrain: language model"]
    assert [curve.last for curve in found] == [2.0, 4.0]


def test_parts_that_the_run_made_itself_need_no_origin(run: Path) -> None:
    material = load_run(run)
    own = {"init": {"vision_tower": str(run / "pretrain/tower"), "language_model": "elsewhere"}}
    assert start(replace(material, config=own)) == "The language model is elsewhere."


def test_where_the_parts_come_from_is_told(run: Path) -> None:
    words = " ".join(" ".join(read(page(load_run(run))).text).split())
    assert "The vision tower is a-tower. The language model is a-language-model." in words
    assert "The tower learns from words." in words


def test_a_model_that_never_looks_is_told_so(run: Path, tmp_path: Path) -> None:
    class Blind(Looker):
        def words(self, asked: str, color: str, side: str) -> str:
            return super().words(asked, "red", "left")

    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", Blind("blind"))
    (sight,) = sight_checks(load_run(tmp_path).evaluated)
    assert sight.verdict == "does not look at the pictures"
    text = page(load_run(tmp_path))
    assert "The model does not look at the pictures" in text
    assert "What the last stage changed" not in text


def test_a_run_compared_with_itself_has_changed_by_exactly_nothing(run: Path) -> None:
    (base, _) = load_run(run).evaluated
    same = by_item(base.records)
    by_task, by_group = differences(same, same, {"all": list(base.header.tasks)})
    for found in (*by_task.values(), *by_group.values()):
        assert (found.mean, found.low) == (0.0, 0.0)


def test_answers_under_other_settings_are_not_compared(run: Path, tmp_path: Path) -> None:
    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", Looker("base"))
    answer(tmp_path, build, "chat", Looker("chat"), max_new_tokens=3)
    material = load_run(tmp_path)
    assert changes(material.evaluated) == ({}, {})
    assert "no change between them is given" in page(material)


def test_what_a_model_says_is_shown_and_never_run(run: Path, tmp_path: Path) -> None:
    class Rude(Looker):
        def words(self, asked: str, color: str, side: str) -> str:
            return "<script>alert('red')</script> & \"more\""

    build = BuildDirectory(run / "data")
    answer(tmp_path, build, "base", Rude("rude"), limit=3)
    reader = read(page(load_run(tmp_path)))
    assert reader.counts["script"] == 0
    assert any("<script>alert('red')" in text for text in reader.text)


def test_a_build_that_is_gone_leaves_a_page_without_pictures(run: Path, tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "gone", pictures=4)
    answer(tmp_path / "run", build, "base", Looker())
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    text = page(load_run(tmp_path / "run"))
    assert "is not where it was" in text
    assert read(text).counts["img"] == 0


def test_pictures_stay_within_their_budget(run: Path) -> None:
    build = BuildDirectory(run / "data")
    images = [instance.images[0] for instance in build.instances("held_out", ["shapes/colour"])]
    pictures = InlineImages([build], most_bytes=2000)
    uris = [pictures.uri(image) for image in images]
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
def test_a_long_curve_is_thinned_and_keeps_its_last_step(count: int) -> None:
    shown = thinned([(float(step), 1.0) for step in range(count)])
    assert len(shown) <= MOST_POINTS
    assert shown[-1] == (count - 1, 1.0)


def test_a_report_is_written_from_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run), "--out", str(tmp_path / "page.html"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["report"]).read_text().startswith("<!doctype html>")
    assert [phase["verdict"] for phase in told["phases"]] == ["sees", "sees"]
    assert main(["report", str(tmp_path)]) == 1
    assert "visionflan evaluate" in capsys.readouterr().err


def test_the_demonstration_shows_two_models_that_do_not_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--demo", "--out", str(tmp_path / "page.html"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {phase["verdict"] for phase in told["phases"]} == {"does not look at the pictures"}
    for phase in told["phases"]:
        assert phase["score"] == phase["blank"] == phase["swapped"] == phase["majority"]
