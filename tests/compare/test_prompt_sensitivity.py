from collections.abc import Sequence

from tests.helpers.comparison_factory import compare_records, scored_record, toy
from visionflan.compare.analyses.prompt_sensitivity import PromptSensitivity
from visionflan.compare.results import Interval
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.records.record import Record

__all__ = ["toy"]


def in_style(scores: Sequence[float], style: str, side: str) -> list[Record]:
    return [
        scored_record(score, n, prompt_style=style, sample_key=f"{style}{n}", checkpoint=side)
        for n, score in enumerate(scores)
    ]


def test_a_prompt_style_that_is_no_longer_followed_shows_as_a_difference(toy: Benchmark) -> None:
    right, wrong = [1.0] * 40, [1.0] * 10 + [0.0] * 30
    before = in_style(right, "bare", "a") + in_style(right, "short", "a")
    after = in_style(right, "bare", "b") + in_style(wrong, "short", "b")
    comparison = compare_records(before, after)
    results = comparison.results_of(PromptSensitivity)
    lenient = next(result for result in results if result.rule == "lenient")
    assert lenient.prompt_styles == ("bare", "short")
    changes = lenient.first.value, lenient.second.value, lenient.difference.value
    assert changes == (0.0, -0.75, 0.75)
    assert lenient.items == 40
    assert lenient.conclusion.startswith("The change is 75.0 points (95 % CI +")
    assert lenient.conclusion.endswith("more favorable under bare than under short.")
    assert toy.measures[0].name == lenient.metric
    assert {row.prompt_style for row in comparison.differences} == {"bare", "short"}
    same = compare_records(before, before).results_of(PromptSensitivity)
    assert same[0].difference == Interval(0.0, 0.0, 0.0)
