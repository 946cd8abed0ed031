"""The report of a run names the studies that have adopted it, with their verdicts in short."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.html_reader import read
from tests.helpers.tiny_evaluation import ToyModel, tiny_build
from visionflan.analysis.study_links import STUDIES, add_study_link, read_study_links
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.report.run_page.page import write_report
from visionflan.report.run_page.studies import study_entries


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("studies") / "run"
    questions = held_out_set([tiny_build(directory / "data")])
    subject = EvalSubject(model=ToyModel("base"), path=directory, run="run", stage="base")
    evaluate(subject, questions, directory / "evaluation/base", EvaluationSettings(limit=2))
    return directory


def write_study(path: Path, *statuses: str) -> Path:
    """Write a study with claims of these verdicts."""
    path.mkdir(parents=True)
    (path / "index.html").write_text("<!doctype html>")
    verdicts = [{"status": status} for status in statuses]
    (path / "results.json").write_text(json.dumps({"verdicts": verdicts}))
    return path


def test_the_page_links_each_study_with_its_verdicts(evaluated: Path, tmp_path: Path) -> None:
    run = shutil.copytree(evaluated, tmp_path / "runs/first")
    assert "Studies:" not in write_report(run).read_text()
    decided = write_study(tmp_path / "studies/a b", "supported", "not_testable", "supported")
    gone = write_study(tmp_path / "studies/gone")
    (tmp_path / "studies/begun").mkdir()
    add_study_link(run, decided, "Which <parts>")
    add_study_link(run, gone, "Lost")
    add_study_link(run, tmp_path / "studies/begun", "Begun")
    shutil.rmtree(gone)
    text = write_report(run).read_text()
    assert (
        'Studies: <a href="../../studies/a%20b/index.html">Which &lt;parts&gt;</a> '
        f"(2 supported, 1 not testable); Lost (missing: {gone} is not there); "
        f"Begun (no results yet in {tmp_path}/studies/begun).</p>"
    ) in text
    assert read(text).problems == ["external href: ../../studies/a%20b/index.html"]
    elsewhere = write_report(run, tmp_path / "page.html").read_text()
    assert '<a href="studies/a%20b/index.html">' in elsewhere


def test_studies_that_adopt_a_run_at_once_are_all_listed_once(tmp_path: Path) -> None:
    studies = [tmp_path / str(number) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda path: add_study_link(tmp_path, path, "a"), studies * 3))
    links = read_study_links(tmp_path)
    assert sorted(link.path for link in links) == studies
    add_study_link(tmp_path, studies[0], "b")
    assert [link.title for link in read_study_links(tmp_path)].count("b") == 1
    assert len(read_study_links(tmp_path)) == 8


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"studies": 1}',
        '{"studies": [1, {}]}',
        '{"studies": [{"path": 1, "title": "a"}]}',
    ],
)
def test_a_damaged_list_of_studies_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / STUDIES).write_text(content)
    assert list(study_entries(tmp_path, tmp_path / "report.html")) == []
