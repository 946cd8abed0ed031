import json
import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from tests.helpers.html_reader import read
from tests.helpers.report_run import answer
from tests.helpers.tiny_evaluation import ToyModel, tiny_build
from visionflan.cli.main import main
from visionflan.evaluate.aggregate.paired import by_item, differences
from visionflan.evaluate.aggregate.summary import OVERALL
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import write_records
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import render_page, write_report
from visionflan.report.run_page.response_style import response_style_section
from visionflan.report.run_page.scores import IGNORES, USES, changes, sight_checks
from visionflan.report.run_page.training import initialization, stage_summaries
from visionflan.storage.directory import BuildDirectory


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
