from pathlib import Path

import pytest

from visionflan.compare.inputs import evaluations, find_inputs
from visionflan.compare.results import ComparedModel, Comparison, Difference, Interval
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.header import HEADER
from visionflan.report import number_format as figures
from visionflan.report.compare_page.summary import Names, headline, names, undetectable


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for place in (
        "evaluation/base",
        "evaluation/chat",
        "benchmarks/base/pope",
        "benchmarks/chat/pope",
        "benchmarks/chat/mme@short",
    ):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / HEADER).write_text("{}")
    (tmp_path / "base/checkpoint").mkdir(parents=True)
    return tmp_path


def test_a_run_alone_compares_its_first_stage_with_its_last(run: Path) -> None:
    found = find_inputs(run)
    assert [place.relative_to(run).as_posix() for place in found.before] == [
        "evaluation/base",
        "benchmarks/base/pope",
    ]
    assert [place.relative_to(run).as_posix() for place in found.after] == [
        "evaluation/chat",
        "benchmarks/chat/mme@short",
        "benchmarks/chat/pope",
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", 3),  # a run means its last phase
        ("chat", 3),
        ("base", 2),
        ("base/checkpoint", 2),
        ("evaluation/base", 1),
        ("evaluation/base/records.parquet", 1),
        ("benchmarks/chat", 2),
        ("benchmarks/chat/pope", 1),
    ],
)
def test_a_side_is_a_run_a_phase_or_a_folder_of_evaluations(
    run: Path, path: str, expected: int
) -> None:
    (run / "evaluation/base/records.parquet").touch()
    assert len(evaluations(run / path)) == expected


def test_a_side_without_evaluations_says_what_to_do(run: Path) -> None:
    (run / "pretrain").mkdir()
    for named in (evaluations, find_inputs):
        with pytest.raises(EvaluationError, match="no evaluation: make one with `visionflan eval"):
            named(run / "pretrain")
        with pytest.raises(EvaluationError, match="nowhere does not exist"):
            named(run / "nowhere")
    (run / "evaluation/chat" / HEADER).unlink()
    for place in run.glob("benchmarks/chat/*"):
        (place / HEADER).unlink()
    with pytest.raises(
        EvaluationError, match=r"evaluations of base alone, .* evaluate` on another phase"
    ):
        find_inputs(run)


@pytest.mark.parametrize("path", ["base", "chat", "benchmarks/chat", "benchmarks/chat/pope"])
def test_one_side_alone_is_told_how_two_are_named(run: Path, path: str) -> None:
    with pytest.raises(EvaluationError, match=r"one side alone .* `visionflan compare RUN/base"):
        find_inputs(run / path)


def difference(name: str, change: float, p: float, best: float = 1.0) -> Difference:
    return Difference(
        scope="benchmark",
        name=name,
        prompt_style="short",
        measure="accuracy",
        headline=True,
        rule="lenient",
        before=0.5,
        after=0.5 + change,
        change=change,
        low=change - 0.1,
        high=change + 0.1,
        max=best,
        items=100,
        clusters=50,
        gained=None,
        lost=None,
        mcnemar_p=None,
        p=p,
        p_holm=p,
        min_detectable=0.05 * best,
        conclusion="",
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [(0.2, 0.01), (-0.2, 0.01), (0.2, 0.2)],
            "From a to b: of 3 scores 1 rose and 1 fell, 1 cannot be told from chance",
        ),
        ([(-0.2, 0.01)], "From a to b: of 1 scores 1 fell"),
        ([(0.2, 0.06)], "From a to b: no change beyond what chance makes"),
        ([], "From a to b: no score can be compared"),
    ],
)
def test_the_headline_counts_only_what_chance_would_not_make(
    changes: list[tuple[float, float]], expected: str
) -> None:
    family = [difference(str(place), *each) for place, each in enumerate(changes)]
    assert headline(family, "lenient", Names("a", "b")) == expected


def test_the_headline_never_hides_an_average_that_moved() -> None:
    chances = {"all tasks": 0.3, "trained tasks": 0.3, "forgetting": 0.01}
    told = [
        difference(name, -0.2, p)._replace(scope="group", headline=False)
        for name, p in chances.items()
    ]
    expected = "From a to b: −20.0 points over the benchmarks of forgetting; no single score moved"
    assert headline(told, "lenient", Names("a", "b")).startswith(expected)
    told[1] = told[1]._replace(p=0.01, p_holm=None)
    assert "over trained tasks; " in headline(told, "lenient", Names("a", "b"))


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        (
            (0.01, 0.3),
            "−20.0 points over all tasks; no single score moved beyond what chance makes",
        ),
        ((0.01, 0.01), "−20.0 points over all tasks; of 1 scores 1 fell"),
        ((0.3, 0.3), "no change beyond what chance makes"),
    ],
)
def test_the_headline_begins_with_the_average_where_that_moved(
    chances: tuple[float, float], expected: str
) -> None:
    average = difference("all tasks", -0.2, chances[0])._replace(scope="group", headline=False)
    told = [average, difference("one", -0.2, chances[1])]
    assert headline(told, "lenient", Names("a", "b")) == f"From a to b: {expected}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("a", "base"), ("a", "chat"), ("base", "chat")),
        (("a", "chat"), ("b", "chat"), ("a", "b")),
        (("a", "base"), ("b", "chat"), ("a base", "b chat")),
        (("a", "chat"), ("a", "chat"), ("chat (before)", "chat (after)")),
    ],
)
def test_sides_are_called_by_what_tells_them_apart(
    before: tuple[str, str], after: tuple[str, str], expected: tuple[str, str]
) -> None:
    told = [ComparedModel(*each, "c", (), ()) for each in (before, after)]
    nothing = Comparison(told[0], told[1], [], {}, {}, {}, [], {}, [])
    assert names(nothing) == expected


def named(name: str, style: str) -> str:
    return f"{name} in {style}"


def test_what_may_go_unseen_is_told_on_the_scale_of_each_measure() -> None:
    family = [difference("pope", 0.0, 1.0), difference("mme", 0.0, 1.0, 2000.0)]
    family[0] = family[0]._replace(min_detectable=0.02)
    (said,) = undetectable(family, named)
    assert said == (
        "With so many questions, true changes below 2.0 points in pope in short, and below 100.0 "
        "points of 2,000 in mme in short, may go unseen."
    )


def test_scores_of_which_nothing_can_be_said_are_counted_beside_those_that_tell() -> None:
    family = [difference(str(place), 0.0, 1.0) for place in range(8)]
    dumb = [each._replace(min_detectable=None) for each in family[1:]]
    (said,) = undetectable([family[0], *dumb], named)
    assert said.startswith(
        "How large a true change must be to be seen can be said of 1 of 8 scores: below 5.0 points "
        "in 0 in short, it may go unseen. Of the other 7 it cannot be said"
    )
    (said,) = undetectable(dumb, named)
    assert said.startswith("There are too few questions to say")


def test_two_styles_of_one_benchmark_are_told_apart() -> None:
    family = [
        difference("pope", 0.0, 1.0),
        difference("pope", 0.0, 1.0)._replace(prompt_style="llava"),
    ]
    family[1] = family[1]._replace(min_detectable=0.2)
    (said,) = undetectable(family, named)
    assert "below 5.0 points in pope in short, and below 20.0 points in pope in llava" in said


@pytest.mark.parametrize(
    ("value", "best", "expected"),
    [
        (0.123, 1.0, "+12.3"),
        (-0.0004, 1.0, "0.0"),
        (-61.45, 2000.0, "−61.5"),
        (161.8, None, "+161.8"),
        (None, 1.0, "–"),
        (0.0, 1.0, "0.0"),
    ],
)
def test_a_change_is_written_in_points(
    value: float | None, best: float | None, expected: str
) -> None:
    assert figures.signed(value, best) == expected


def test_a_change_is_toned_only_where_its_interval_leaves_out_nothing() -> None:
    assert figures.tone(Interval(0.1, 0.01, 0.2)) == "gained"
    assert figures.tone(Interval(-0.1, -0.2, -0.01)) == "lost"
    assert figures.tone(Interval(0.1, 0.0, 0.2)) == "unsure"
    assert figures.tone(Interval(0.1, None, None)) == "unsure"
