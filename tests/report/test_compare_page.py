import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.html_reader import narrow_rows, read, zoomable_images
from tests.helpers.record_factory import record
from tests.helpers.tiny_evaluation import ToyModel, tiny_build
from visionflan.cli.main import main
from visionflan.compare.results import AnswerPair
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.report import number_format
from visionflan.report.compare_page.csv_table import write_table
from visionflan.report.compare_page.flips import CHANGED, flip_kind
from visionflan.report.compare_page.panels.changed_answers import spread_over_tasks
from visionflan.storage.directory import BuildDirectory


class Forgetful(ToyModel):
    """A chatty model that no longer knows red."""

    def text(self, prompt: str, color: str, side: str) -> str:
        response = super().text(prompt, color, side)
        if color != "red":
            return response
        return response.replace("red", "<script>alert('blue')</script>")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("comparison") / "run"
    build = tiny_build(directory / "data")
    for stage, model in (("base", ToyModel("base")), ("chat", Forgetful("chat", chatty=True))):
        answer(directory, build, stage, model)
    return directory


def answer(directory: Path, build: BuildDirectory, stage: str, model: ToyModel) -> None:
    subject = EvalSubject(model=model, path=directory, run=directory.name, stage=stage)
    settings = EvaluationSettings(conditions=("original",))
    evaluate(subject, held_out_set([build]), directory / "evaluation" / stage, settings)


@pytest.fixture(scope="module")
def written(run: Path) -> Path:
    assert main(["compare", str(run)]) == 0
    return run / "comparison"


@pytest.fixture(scope="module")
def page(written: Path) -> str:
    return (written / "compare.html").read_text()


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_page_stands_by_itself_and_can_be_read_by_all(page: str) -> None:
    reader = read(page)
    assert reader.problems == []
    assert reader.open == []
    assert not set(reader.targets) - set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.counts["h1"] == 1
    assert reader.counts["img"] == len(zoomable_images(page)) > 10
    for elsewhere in ("http:", "https:", "//cdn", "url(", "@import", 'src="/'):
        assert elsewhere not in page


def test_answers_and_tables_of_tasks_are_folded_on_a_narrow_screen(page: str) -> None:
    fold = r'<details class="fold"><summary>'
    cards = rf'<li class="flip" [^>]*>\s*{fold}<span class="tag [^>]*>.*?</span> \S'
    assert len(re.findall(cards, page)) == page.count('<li class="flip"') > 5
    assert len(re.findall(rf"{fold}\d+ tasks?</summary>", page)) >= 3
    rows = narrow_rows(page)
    assert len(rows) == page.count('<tr class="more">') > 5
    for row in rows:
        assert row.hidden == row.unfolded


def test_every_panel_is_there_in_its_order(page: str) -> None:
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "Score changes",
        "Yes/no bias and sensitivity",
        "Content and format",
        "Forgetting and rewording",
        "Response style",
        "Changed answers",
        "Settings and digests",
    ]


def test_a_response_is_shown_and_never_run(page: str) -> None:
    reader = read(page)
    assert reader.counts["script"] == 1
    assert "<script>alert('blue')</script>" in reader.text


def test_the_page_says_what_the_numbers_say(written: Path, page: str) -> None:
    text = read(page).text
    numbers = json.loads((written / "compare.json").read_bytes())
    differences = [row for row in numbers["differences"] if row["rule"] == "lenient"]
    assert differences
    for difference in differences:
        assert difference["conclusion"] in text
        assert number_format.signed(difference["change"], difference["max"]) in text
    for panel in ("yes_no_bias", "format_effects", "forgetting"):
        assert numbers[panel]
        for result in numbers[panel]:
            assert result["conclusion"] in text


def test_the_table_has_every_item_once_with_both_answers(written: Path, run: Path) -> None:
    lines = table(written / "compare.csv")
    held = list(BuildDirectory(run / "data").instances("held_out"))
    assert len(lines) == len(held)
    assert len({line["sample_key"] for line in lines}) == len(held)
    changed = [line for line in lines if "script" in line["response_after"]]
    red = next(line for line in changed if line["task"] == "shapes/color")
    assert (red["target"], red["response_before"]) == ("red", "red")
    assert (red["kind"], red["score_lenient_before"], red["score_lenient_after"]) == (
        "lost",
        "1.0",
        "0.0",
    )


def test_flips_are_those_of_the_table(written: Path, page: str) -> None:
    lines = table(written / "compare.csv")
    lines = [line for line in lines if not line["task"].startswith("talk/")]
    counts = {name: sum(line["kind"] == name for line in lines) for name in CHANGED}
    assert counts["lost"] > 0
    assert counts["format only"] > 0
    for name, count in counts.items():
        cards = len(re.findall(f'<li class="flip" data-kind="{name}"', page))
        if name != "conversation":
            assert cards == min(count, 40)


def test_a_side_compared_with_itself_has_changed_by_exactly_nothing(
    run: Path, tmp_path: Path
) -> None:
    base = str(run / "evaluation/base")
    assert main(["compare", base, base, "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "compare.json").read_bytes())
    assert numbers["differences"]
    for difference in numbers["differences"]:
        assert (difference["change"], difference["low"], difference["high"]) == (0.0, 0.0, 0.0)
        assert difference["p"] in (None, 1.0)
        assert not difference["gained"]
        assert not difference["lost"]
    text = (tmp_path / "compare.html").read_text()
    assert "Nothing changed" in text
    assert 'class="flip"' not in text
    assert {line["kind"] for line in table(tmp_path / "compare.csv")} <= {
        "both right",
        "same error",
        "same score",
    }


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("official", "changed only in format, with the same content"),
        ("lenient", "Under the official rule, [0-9]+ changed only in format"),
    ],
)
def test_each_rule_can_lead(run: Path, tmp_path: Path, rule: str, sentence: str) -> None:
    assert main(["compare", str(run), "--rule", rule, "--out", str(tmp_path)]) == 0
    text = read((tmp_path / "compare.html").read_text()).text
    assert f"Scores are those of the {rule} rule" in text
    assert re.search(sentence, text)
    numbers = json.loads((tmp_path / "compare.json").read_bytes())["differences"]
    scores = [row for row in numbers if row["rule"] == rule and row["scope"] == "task"]
    headlines = [row for row in scores if row["headline"]]
    flips = re.search("([0-9]+) changed from wrong to right and ([0-9]+) from right to wrong", text)
    assert flips
    assert int(flips[1]) >= sum(row["gained"] or 0 for row in headlines)
    assert int(flips[2]) >= sum(row["lost"] or 0 for row in headlines) > 0


def test_log_likelihoods_that_were_not_computed_cannot_lead(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(run), "--rule", "likelihood", "--out", str(tmp_path)]) == 1
    assert "have no log-likelihoods" in capsys.readouterr().err


def test_a_build_that_is_gone_leaves_a_page_without_images(tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "gone", num_images=4)
    for stage in ("base", "chat"):
        answer(tmp_path / "run", build, stage, Forgetful(stage, chatty=stage == "chat"))
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    assert main(["compare", str(tmp_path / "run")]) == 0
    text = (tmp_path / "run/comparison/compare.html").read_text()
    assert "image not found" in text
    assert "Images are missing" in text
    assert read(text).counts["img"] == 0


def test_the_command_prints_conclusions_and_the_paths_of_the_files(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(run), "--out", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert str(tmp_path / "compare.html") in output
    assert "From base to chat" in output
    assert "shapes/color" in output
    assert main(["compare", str(run), "--json", "--out", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["files"]["page"] == str(tmp_path / "compare.html")
    assert main(["compare"]) == 2
    assert main(["compare", str(run), "--demo"]) == 2
    assert main(["compare", str(tmp_path / "nothing")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_demo_separates_format_from_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--demo", "--json", "--out", str(tmp_path)]) == 0
    output = json.loads(capsys.readouterr().out)
    (matching,) = (row for row in output["format_effects"] if row["task"] == "coco/itm")
    assert matching["content"]["value"] == 0
    assert matching["format"]["high"] < 0
    assert (tmp_path / "compare.html").is_file()


def pair(before: dict[str, Any], after: dict[str, Any]) -> AnswerPair:
    return AnswerPair(record(**before), record(**after))


def scored(official: float | None, lenient: float | None, parsed: str = "cat") -> dict[str, Any]:
    return {
        "score_official": official,
        "score_lenient": lenient,
        "parsed_lenient": parsed,
        "score_likelihood": lenient,
    }


@pytest.mark.parametrize(
    ("before", "after", "rule", "expected"),
    [
        (scored(0.0, 0.0), scored(1.0, 1.0), "lenient", "gained"),
        (scored(1.0, 1.0), scored(0.0, 0.0), "lenient", "lost"),
        (scored(1.0, 1.0), scored(0.0, 1.0), "lenient", "format only"),
        (scored(1.0, 1.0), scored(0.0, 1.0), "official", "format only"),
        (scored(1.0, 1.0), scored(0.0, 0.0), "official", "lost"),
        (scored(0.0, 1.0), scored(0.0, 0.0), "official", "same error"),
        (scored(0.0, 0.0, "a"), scored(0.0, 0.0, "b"), "lenient", "different error"),
        (scored(0.0, 0.0, "Red. "), scored(0.0, 0.0, "red"), "lenient", "same error"),
        (scored(0.3, 0.3), scored(0.6, 0.6), "lenient", "improved"),
        (scored(1.0, 1.0), scored(0.6, 0.6), "lenient", "worsened"),
        (scored(0.6, 0.6), scored(0.6, 0.6), "lenient", "same score"),
        (scored(1.0, 1.0), scored(1.0, 1.0), "official", "both right"),
        (scored(1.0, 1.0), scored(None, None), "lenient", "missing"),
        (scored(None, 1.0), scored(1.0, 1.0), "lenient", "both right"),
    ],
)
def test_what_became_of_an_answer_has_one_name(
    before: dict[str, Any], after: dict[str, Any], rule: ScoringRule, expected: str
) -> None:
    assert flip_kind(pair(before, after), rule) == expected


def test_the_cards_are_spread_over_tasks() -> None:
    pairs = [pair({"task": f"t/{n % 20 // 18}", "sample_key": str(n)}, {}) for n in range(40)]
    chosen = list(spread_over_tasks(pairs, 8))
    assert [chosen_pair.before.task for chosen_pair in chosen].count("t/1") == 4
    assert chosen == list(spread_over_tasks(reversed(pairs), 8))


def test_a_table_keeps_answers_to_the_letter(tmp_path: Path) -> None:
    response = 'a "cat",\nor = more\r\n'
    write_table(tmp_path / "t.csv", [pair({"response": response}, {"response": ""})], "lenient")
    (line,) = table(tmp_path / "t.csv")
    assert (line["response_before"], line["response_after"], line["kind"]) == (
        response,
        "",
        "missing",
    )
    assert line["score_official_before"] == ""
