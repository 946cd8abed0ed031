import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.comparison_factory import compare_records, scored_record, toy
from tests.helpers.html_reader import read
from tests.helpers.subset_answers import formatted_record
from visionflan.cli.compare import print_summary
from visionflan.cli.main import main
from visionflan.compare.analyses.format_effects import FormatSplit
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.records.record import Record
from visionflan.report.compare_page.page import ComparisonFiles
from visionflan.report.compare_page.report import ComparisonReport
from visionflan.report.compare_page.summary import count_tasks

__all__ = ["toy"]


def in_styles(styles: Sequence[str], side: str) -> list[Record]:
    return [
        scored_record(
            float(item < 4), item, sample_key=f"{style}{item}", prompt_style=style, checkpoint=side
        )._replace(response=side)
        for style in styles
        for item in range(8)
    ]


def report(*styles: str) -> ComparisonReport:
    return ComparisonReport(
        compare_records(in_styles(styles, "a"), in_styles(styles, "b")), [], [], [], "lenient"
    )


@pytest.mark.usefixtures("toy")
def test_two_styles_of_one_benchmark_have_two_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(report("bare", "short"), ComparisonFiles(*[tmp_path] * 3))
    output = capsys.readouterr().out
    assert re.findall(r"^toy.*?accuracy", output, re.MULTILINE) == [
        "toy (bare) accuracy",
        "toy (short) accuracy",
    ]
    assert report("bare", "short").title("toy", "bare") == "Toy (bare)"


@pytest.mark.usefixtures("toy")
def test_a_style_that_is_the_only_one_is_no_part_of_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(report("bare"), ComparisonFiles(*[tmp_path] * 3))
    assert "\ntoy accuracy" in capsys.readouterr().out
    assert report("bare").title("toy", "bare") == "Toy"


def format_split(task: str, style: str = "") -> FormatSplit:
    (one,) = compare_records(
        [formatted_record((1.0, True, True), 0)],
        [formatted_record((1.0, True, True), 0)._replace(response="x")],
    ).results_of(FormatSplit)
    return one._replace(task=task, prompt_style=style)


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        ([("a/b", "")], "1 task"),
        ([("a/b", ""), ("a/c", "")], "2 tasks"),
        ([("pope", "short"), ("mme", "llava")], "2 benchmarks"),
        ([("pope", "short"), ("pope", "llava")], "1 benchmark in 2 prompt styles"),
        ([("a/b", ""), ("pope", "short")], "1 task and 1 benchmark"),
    ],
)
def test_tasks_benchmarks_and_prompt_styles_are_counted(
    forms: list[tuple[str, str]], expected: str
) -> None:
    assert count_tasks([format_split(*form) for form in forms]) == expected


def test_the_page_has_the_mean_over_benchmarks_and_names_other_headlines(tmp_path: Path) -> None:
    names = ["cifar10", "cifar100", "mnist", "miniimagenet", "mmbench"]
    with demo_run(names) as run:
        assert main(["compare", str(run), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "compare.html").read_text()
    page_text = read(text).text
    assert (
        "Averages over benchmarks forgetting (CIFAR-10, CIFAR-100, MNIST, miniImageNet)"
        in page_text
    )
    assert page_text.count("The average over the benchmarks of forgetting") == 1
    assert "Averages over held-out tasks" not in page_text
    assert (
        page_text.count("unlike the headline")
        == page_text.count("unlike the headline metric “circular”")
        == 1
    )
    assert "5 benchmarks, official scores of single answers" in page_text


def test_a_change_without_an_interval_is_not_called_none(tmp_path: Path) -> None:
    with demo_run(["mme"]) as run:
        assert main(["compare", str(run), "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "compare.json").read_bytes())
    (part,) = (row for row in numbers["yes_no_bias"] if row["task"] == "mme/color")
    assert part["auroc"] is None or part["auroc"]["change"]["low"] is None
    assert part["criterion"]["change"]["low"] is None
    text = (tmp_path / "compare.html").read_text()
    row = text[text.index("mme/<wbr>color") :].split("</tr>")[0]
    assert "no change" not in row
