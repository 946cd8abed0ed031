import pytest

from visionflan.compare.results import ComparedModel, Comparison, Difference, Interval
from visionflan.report import number_format
from visionflan.report.compare_page.report import ModelNames, model_names
from visionflan.report.compare_page.summary import detectability_sentences, headline


def difference(name: str, change: float, p: float, maximum: float = 1.0) -> Difference:
    return Difference(
        scope="benchmark",
        name=name,
        prompt_style="short",
        metric="accuracy",
        headline=True,
        rule="lenient",
        before=0.5,
        after=0.5 + change,
        change=change,
        low=change - 0.1,
        high=change + 0.1,
        max=maximum,
        items=100,
        clusters=50,
        gained=None,
        lost=None,
        mcnemar_p=None,
        p=p,
        p_holm=p,
        min_detectable=0.05 * maximum,
        conclusion="",
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [(0.2, 0.01), (-0.2, 0.01), (0.2, 0.2)],
            "From a to b: of 3 scores, 1 increased and 1 decreased; 1 did not change significantly",
        ),
        ([(-0.2, 0.01)], "From a to b: of 1 score, 1 decreased"),
        ([(0.2, 0.06)], "From a to b: no significant change"),
        ([], "From a to b: no score can be compared"),
    ],
)
def test_the_headline_counts_only_significant_changes(
    changes: list[tuple[float, float]], expected: str
) -> None:
    scores = [difference(str(index), *change) for index, change in enumerate(changes)]
    assert headline(scores, "lenient", ModelNames("a", "b")) == expected


def test_the_headline_never_hides_an_average_that_changed() -> None:
    p_values = {"all tasks": 0.3, "trained tasks": 0.3, "forgetting": 0.01}
    averages = [
        difference(name, -0.2, p)._replace(scope="group", headline=False)
        for name, p in p_values.items()
    ]
    expected = "From a to b: −20.0 points over the benchmarks of forgetting; no single score"
    assert headline(averages, "lenient", ModelNames("a", "b")).startswith(expected)
    averages[1] = averages[1]._replace(p=0.01, p_holm=None)
    assert "over trained tasks; " in headline(averages, "lenient", ModelNames("a", "b"))


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        (
            (0.01, 0.3),
            "−20.0 points over all tasks; no single score changed significantly",
        ),
        ((0.01, 0.01), "−20.0 points over all tasks; of 1 score, 1 decreased"),
        ((0.3, 0.3), "no significant change"),
    ],
)
def test_the_headline_begins_with_the_average_where_that_changed(
    p_values: tuple[float, float], expected: str
) -> None:
    average = difference("all tasks", -0.2, p_values[0])._replace(scope="group", headline=False)
    scores = [average, difference("one", -0.2, p_values[1])]
    assert headline(scores, "lenient", ModelNames("a", "b")) == f"From a to b: {expected}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("a", "base"), ("a", "chat"), ("base", "chat")),
        (("a", "chat"), ("b", "chat"), ("a", "b")),
        (("a", "base"), ("b", "chat"), ("a base", "b chat")),
        (("a", "chat"), ("a", "chat"), ("chat (before)", "chat (after)")),
    ],
)
def test_models_are_named_by_what_differs(
    before: tuple[str, str], after: tuple[str, str], expected: tuple[str, str]
) -> None:
    models = [ComparedModel(*model, "c", (), ()) for model in (before, after)]
    comparison = Comparison(models[0], models[1], [], {}, {}, {}, [], {}, [])
    assert model_names(comparison) == expected


def title_of(name: str, style: str) -> str:
    return f"{name} in {style}"


def test_the_minimum_detectable_change_is_on_the_scale_of_each_metric() -> None:
    scores = [difference("pope", 0.0, 1.0), difference("mme", 0.0, 1.0, 2000.0)]
    scores[0] = scores[0]._replace(min_detectable=0.02)
    (sentence,) = detectability_sentences(scores, title_of)
    assert sentence == (
        "With this many questions, the minimum detectable change is 2.0 points in pope in short "
        "to 100.0 points (of 2,000) in mme in short; smaller changes may go undetected."
    )


def test_scores_without_a_minimum_detectable_change_are_counted() -> None:
    scores = [difference(str(index), 0.0, 1.0) for index in range(8)]
    unknown = [score._replace(min_detectable=None) for score in scores[1:]]
    (sentence,) = detectability_sentences([scores[0], *unknown], title_of)
    assert sentence.startswith(
        "The minimum detectable change is known for 1 of 8 scores: 5.0 points in 0 in short. "
        "For the other 7 it cannot be estimated"
    )
    (sentence,) = detectability_sentences(unknown, title_of)
    assert sentence.startswith("There are too few questions to estimate")


def test_open_ended_scores_have_a_minimum_detectable_change_of_their_own() -> None:
    captions = difference("captions", 0.0, 1.0)._replace(max=None, min_detectable=12.0)
    (sentence,) = detectability_sentences([captions], title_of)
    assert sentence == (
        "With this many questions, the minimum detectable change is 12.0 points in captions in "
        "short; smaller changes may go undetected."
    )
    (sentence,) = detectability_sentences([captions, difference("pope", 0.0, 1.0)], title_of)
    assert "the minimum detectable change is 5.0 points in pope in short;" in sentence


def test_two_styles_of_one_benchmark_have_different_titles() -> None:
    scores = [difference("pope", 0.0, 1.0) for _ in range(2)]
    scores[1] = scores[1]._replace(prompt_style="llava", min_detectable=0.2)
    (sentence,) = detectability_sentences(scores, title_of)
    assert "5.0 points in pope in short to 20.0 points in pope in llava" in sentence


@pytest.mark.parametrize(
    ("value", "maximum", "expected"),
    [
        (0.123, 1.0, "+12.3"),
        (-61.45, 2000.0, "−61.5"),
        (161.8, None, "+161.8"),
        (None, 1.0, "–"),
        (0.0, 1.0, "0.0"),
        (-0.0004, 1.0, "−0.04"),
        (-0.00004, 1.0, "0.0"),
        (1234.5, None, "+1,234.5"),
    ],
)
def test_a_change_is_written_in_points(
    value: float | None, maximum: float | None, expected: str
) -> None:
    assert number_format.signed(value, maximum) == expected


def test_a_change_has_a_color_only_if_its_interval_excludes_zero() -> None:
    assert number_format.interval_class(Interval(0.1, 0.01, 0.2)) == "increase"
    assert number_format.interval_class(Interval(-0.1, -0.2, -0.01)) == "decrease"
    assert number_format.interval_class(Interval(0.1, 0.0, 0.2)) == "inconclusive"
    assert number_format.interval_class(Interval(0.1, None, None)) == "inconclusive"
