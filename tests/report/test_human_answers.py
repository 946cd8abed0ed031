"""Persons stand beside the stages in the page of a run, and beside models in a comparison."""

import json
from pathlib import Path

import pytest

from tests.helpers.html_reader import read
from visionflan.cli.main import main
from visionflan.web.human_answers import HumanAnswers
from visionflan.web.open_build import OpenBuild

TASKS = ("shapes/choose", "shapes/caption")


@pytest.fixture(scope="module")
def answers(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the answers of two persons to two tasks of the build of the run."""
    directory, build = tmp_path_factory.mktemp("answers"), OpenBuild(run / "data")
    for name, num_right in (("ada", 20), ("<b>bob</b>", 15)):
        person = HumanAnswers(directory, name.replace("/", ""), build)
        for task in TASKS:
            for number, item in enumerate(person.open_task(task).items):
                wrong = item.candidates[0] if item.candidates else "a blue thing"
                right = next((one for one in item.candidates if item.target in one), item.target)
                person.add(task, item.sample_key, right if number < num_right else wrong)
        person.score()
    return directory


def test_the_page_of_a_run_has_persons_beside_its_stages(
    run: Path, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    assert main(["report", str(run), "--answers", str(answers), "--out", str(out), "--json"]) == 0
    humans = json.loads(capsys.readouterr().out)["humans"]
    assert {row["task"] for row in humans["agreement"]} == set(TASKS)
    lenient = [row for row in humans["scores"] if row["rule"] == "lenient"]
    ada = {row["name"]: row["human"] for row in lenient if row["person"] == "ada"}
    assert (ada["shapes/choose"]["mean"], ada["shapes/choose"]["items"]) == (1.0, 20)
    assert set(lenient[0]["models"]) == {"base", "chat"}
    text = out.read_text()
    page = read(text)
    assert page.problems == []
    assert {"humans", "human-scores", "human-agreement"} <= set(page.ids)
    assert "&lt;b&gt;bob" in text
    assert "<b>bob" not in text


def test_a_page_without_persons_has_no_section_of_them(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert main(["report", str(run), "--out", str(out)]) == 0
    assert 'id="humans"' not in out.read_text()


def test_the_page_of_a_comparison_has_persons_beside_the_models(
    run: Path, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [str(run / "base"), str(run / "chat")]
    out = ["--out", str(tmp_path)]
    assert main(["compare", *sides, "--answers", str(answers), *out]) == 0
    printed = capsys.readouterr().out
    assert "shapes/choose by <b>bob<b>, ada: alpha 0." in printed
    assert "kappa 0." in printed
    page = read((tmp_path / "compare.html").read_text())
    assert page.problems == []
    assert {"human-answers", "human-scores", "human-agreement"} <= set(page.ids)


@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_demonstration_has_no_answers_of_persons(command: str, tmp_path: Path) -> None:
    assert main([command, "--demo", "--answers", str(tmp_path)]) == 2
