import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.html_reader import Reader, read
from tests.helpers.record_factory import record
from tests.helpers.tiny_evaluation import Looker, tiny_build
from visionflan.cli.main import main
from visionflan.compare.results import Pair
from visionflan.evaluate.held_out import held_out
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.report import number_format as figures
from visionflan.report.compare_page.csv_table import write_table
from visionflan.report.compare_page.examples import SHOWN, kind, spread
from visionflan.storage.directory import BuildDirectory


class Forgetful(Looker):
    """A chatty model that has lost red, and lists what it sees."""

    def words(self, asked: str, color: str, side: str) -> str:
        said = super().words(asked, color, side)
        return said.replace("red", "<script>alert('blue')</script>") if color == "red" else said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison") / "run"
    build = tiny_build(folder / "data")
    for phase, model in (("base", Looker("base")), ("chat", Forgetful("chat", chatty=True))):
        answer(folder, build, phase, model)
    return folder


def answer(folder: Path, build: BuildDirectory, phase: str, model: Looker) -> None:
    subject = EvalSubject(answerer=model, path=folder, run=folder.name, phase=phase)
    settings = EvaluationSettings(conditions=("true",))
    evaluate(subject, held_out([build]), folder / "evaluation" / phase, settings)


@pytest.fixture(scope="module")
def written(run: Path) -> Path:
    assert main(["compare", str(run)]) == 0
    return run / "comparison"


@pytest.fixture(scope="module")
def page(written: Path) -> str:
    return (written / "compare.html").read_text()


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def words(reader: Reader) -> str:
    return " ".join(" ".join(reader.text).split())


def test_the_page_stands_by_itself_and_can_be_read_by_all(page: str) -> None:
    reader = read(page)
    assert reader.faults == []
    assert reader.open == []
    assert not set(reader.targets) - set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.counts["h1"] == 1
    assert reader.counts["img"] > 10
    for elsewhere in ("http:", "https:", "//cdn", "url(", "@import", 'src="/'):
        assert elsewhere not in page


def test_every_panel_is_there_in_its_order(page: str) -> None:
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "What changed, and what cannot be told",
        "Bias apart from ability",
        "Format apart from capability",
        "Forgetting apart from rewording",
        "How answers are written",
        "Answers that changed",
        "Settings and digests",
    ]


def test_what_a_model_says_is_shown_and_never_run(page: str) -> None:
    reader = read(page)
    assert reader.counts["script"] == 1
    assert any("<script>alert('blue')</script>" in text for text in reader.text)


def test_the_page_says_what_the_numbers_say(written: Path, page: str) -> None:
    told = words(read(page))
    numbers = json.loads((written / "compare.json").read_bytes())
    differences = [each for each in numbers["differences"] if each["rule"] == "lenient"]
    assert differences
    for each in differences:
        assert each["conclusion"] in told
        assert figures.signed(each["change"], each["max"]) in told
    for panel in ("yes_no_bias", "format_effects", "forgetting"):
        assert numbers[panel]
        for each in numbers[panel]:
            assert each["conclusion"] in told


def test_the_table_has_every_item_once_with_both_answers(written: Path, run: Path) -> None:
    lines = table(written / "compare.csv")
    held = list(BuildDirectory(run / "data").instances("held_out"))
    assert len(lines) == len(held)
    assert len({line["sample_key"] for line in lines}) == len(held)
    said = [line for line in lines if "script" in line["answer_after"]]
    red = next(line for line in said if line["task"] == "shapes/colour")
    assert (red["target"], red["answer_before"]) == ("red", "red")
    assert (red["kind"], red["score_lenient_before"], red["score_lenient_after"]) == (
        "lost",
        "1.0",
        "0.0",
    )


def test_flips_are_those_of_the_table(written: Path, page: str) -> None:
    lines = table(written / "compare.csv")
    lines = [line for line in lines if not line["task"].startswith("talk/")]
    counts = {name: sum(line["kind"] == name for line in lines) for name in SHOWN}
    assert counts["lost"] > 0
    assert counts["format only"] > 0
    for name, count in counts.items():
        shown = len(re.findall(f'<li class="flip" data-kind="{name}"', page))
        if name != "talk":
            assert shown == min(count, 40)


def test_a_side_compared_with_itself_has_changed_by_exactly_nothing(
    run: Path, tmp_path: Path
) -> None:
    base = str(run / "evaluation/base")
    assert main(["compare", base, base, "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "compare.json").read_bytes())
    assert numbers["differences"]
    for each in numbers["differences"]:
        assert (each["change"], each["low"], each["high"]) == (0.0, 0.0, 0.0)
        assert each["p"] in (None, 1.0)
        assert not each["gained"]
        assert not each["lost"]
    text = (tmp_path / "compare.html").read_text()
    assert "Nothing changed" in text
    assert 'class="flip"' not in text
    assert {line["kind"] for line in table(tmp_path / "compare.csv")} <= {
        "right",
        "wrong alike",
        "same score",
    }


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("official", "changed by their form alone, with the same content"),
        ("lenient", "By the official rule [0-9]+ more changed, by their form alone"),
    ],
)
def test_each_rule_can_lead(run: Path, tmp_path: Path, rule: str, said: str) -> None:
    assert main(["compare", str(run), "--rule", rule, "--out", str(tmp_path)]) == 0
    told = words(read((tmp_path / "compare.html").read_text()))
    assert f"Scores are those of the {rule} rule" in told
    assert re.search(said, told)
    numbers = json.loads((tmp_path / "compare.json").read_bytes())["differences"]
    led = [each for each in numbers if each["rule"] == rule and each["scope"] == "task"]
    turned = re.search("([0-9]+) turned right and ([0-9]+) turned wrong", told)
    assert turned
    assert int(turned[1]) >= sum(each["gained"] or 0 for each in led if each["headline"])
    assert int(turned[2]) >= sum(each["lost"] or 0 for each in led if each["headline"]) > 0


def test_likelihoods_that_were_not_kept_cannot_lead(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(run), "--rule", "likelihood", "--out", str(tmp_path)]) == 1
    assert "kept no likelihoods" in capsys.readouterr().err


def test_a_build_that_is_gone_leaves_a_page_without_pictures(tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "gone", pictures=4)
    for phase in ("base", "chat"):
        answer(tmp_path / "run", build, phase, Forgetful(phase, chatty=phase == "chat"))
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    assert main(["compare", str(tmp_path / "run")]) == 0
    text = (tmp_path / "run/comparison/compare.html").read_text()
    assert "picture no longer on this disk" in text
    assert "Pictures are missing" in text
    assert read(text).counts["img"] == 0


def test_the_command_prints_verdicts_and_where_the_files_are(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(run), "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert str(tmp_path / "compare.html") in told
    assert "From base to chat" in told
    assert "shapes/colour" in told
    assert main(["compare", str(run), "--json", "--out", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["files"]["page"] == str(tmp_path / "compare.html")
    assert main(["compare"]) == 2
    assert main(["compare", str(run), "--demo"]) == 2
    assert main(["compare", str(tmp_path / "nothing")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_demonstration_tells_talk_from_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--demo", "--json", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    (matching,) = (each for each in told["format_effects"] if each["task"] == "coco/itm")
    assert matching["content"]["value"] == 0
    assert matching["format"]["high"] < 0
    assert (tmp_path / "compare.html").is_file()


def pair(before: dict[str, Any], after: dict[str, Any]) -> Pair:
    return Pair(record(**before), record(**after))


def scored(official: float | None, lenient: float | None, said: str = "cat") -> dict[str, Any]:
    return {
        "score_official": official,
        "score_lenient": lenient,
        "parsed": said,
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
        (scored(0.0, 1.0), scored(0.0, 0.0), "official", "wrong alike"),
        (scored(0.0, 0.0, "a"), scored(0.0, 0.0, "b"), "lenient", "wrong differently"),
        (scored(0.0, 0.0, "Red. "), scored(0.0, 0.0, "red"), "lenient", "wrong alike"),
        (scored(0.3, 0.3), scored(0.6, 0.6), "lenient", "better"),
        (scored(1.0, 1.0), scored(0.6, 0.6), "lenient", "worse"),
        (scored(0.6, 0.6), scored(0.6, 0.6), "lenient", "same score"),
        (scored(1.0, 1.0), scored(1.0, 1.0), "official", "right"),
        (scored(1.0, 1.0), scored(None, None), "lenient", "missing"),
        (scored(None, 1.0), scored(1.0, 1.0), "lenient", "right"),
    ],
)
def test_what_became_of_an_answer_has_one_name(
    before: dict[str, Any], after: dict[str, Any], rule: ScoringRule, expected: str
) -> None:
    assert kind(pair(before, after), rule) == expected


def test_what_is_shown_is_spread_over_tasks() -> None:
    pairs = [pair({"task": f"t/{n % 20 // 18}", "sample_key": str(n)}, {}) for n in range(40)]
    shown = list(spread(pairs, 8))
    assert [each.before.task for each in shown].count("t/1") == 4
    assert shown == list(spread(reversed(pairs), 8))


def test_a_table_keeps_answers_to_the_letter(tmp_path: Path) -> None:
    said = 'a "cat",\nor = more\r\n'
    write_table(tmp_path / "t.csv", [pair({"answer": said}, {"answer": ""})], "lenient")
    (line,) = table(tmp_path / "t.csv")
    assert (line["answer_before"], line["answer_after"], line["kind"]) == (said, "", "missing")
    assert line["score_official_before"] == ""
