from typing import Any

import pytest

from tests.helpers.comparison_factory import (
    compare_records,
    evaluation,
    make_study,
    scored_record,
    toy,
)
from visionflan.compare.run import compare
from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import RULES

__all__ = ["toy"]


@pytest.mark.usefixtures("toy")
def test_different_prompts_are_refused_with_an_example() -> None:
    before, after = make_study([1.0, 0.0], [1.0, 1.0])
    after[1] = after[1]._replace(sample_key="other", prompt="<image>\nWhich animal?")
    with pytest.raises(
        EvaluationError, match=r"prompt of item 1 of toy/part .*Which animal"
    ) as raised:
        compare_records(before, after)
    assert "evaluation/a" in str(raised.value)
    assert "evaluation/b" in str(raised.value)


@pytest.mark.usefixtures("toy")
def test_different_styles_and_settings_are_refused() -> None:
    before, after = make_study([1.0], [1.0])
    with pytest.raises(EvaluationError, match=r"prompt style of item 0 .*'short'"):
        compare_records(before, [after[0]._replace(prompt_style="short")])
    with pytest.raises(EvaluationError, match=r"different generation settings .item 0 .*longer"):
        compare_records(before, [after[0]._replace(generation_config="longer")])


@pytest.mark.usefixtures("toy")
def test_nothing_in_common_is_refused() -> None:
    before, after = make_study([1.0, 1.0], [1.0, 1.0])
    with pytest.raises(EvaluationError, match=r"no item in common .*item 0 of toy/part.*item 1"):
        compare_records(before[:1], after[1:])
    with pytest.raises(EvaluationError, match="name an evaluation for each side"):
        compare([], [evaluation(after)])
    with pytest.raises(EvaluationError, match="of different checkpoints"):
        compare([evaluation(before, "a"), evaluation(before, "b")], [evaluation(after)])


@pytest.mark.usefixtures("toy")
def test_unpaired_items_and_errors_are_counted_and_noted() -> None:
    before, after = make_study([1.0] * 5, [1.0] * 5)
    after[0] = after[0]._replace(error="out of memory", score_lenient=None)
    comparison = compare_records(before[:4], after[:3] + after[4:])
    assert comparison.only_before == {"toy/part": 1}
    assert comparison.only_after == {"toy/part": 1}
    assert comparison.missing == {"toy/part": 1}
    assert len(comparison.pairs) == 2
    assert len(comparison.notes) == 3


@pytest.mark.usefixtures("toy")
def test_answers_to_control_images_are_not_compared() -> None:
    before, after = make_study([1.0], [1.0])
    gray = scored_record(0.0, 1, condition="blank")
    comparison = compare_records([*before, gray, gray._replace(sample_key="k0")], [*after, gray])
    assert [pair.before.condition for pair in comparison.pairs] == ["original"]


@pytest.mark.usefixtures("toy")
def test_two_answers_of_one_side_to_one_item_are_refused() -> None:
    before, after = make_study([1.0], [1.0])
    other = [before[0]._replace(response="bird")]
    with pytest.raises(EvaluationError, match="name only one of them"):
        compare([evaluation(before, "a"), evaluation(other, "a")], [evaluation(after, "b")])


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("score", ["nan", "inf", "-inf"])
def test_scores_that_are_not_finite_are_refused_with_the_item(rule: str, score: str) -> None:
    before, after = make_study([1.0, 0.0], [1.0, 1.0])
    changed: dict[str, Any] = {f"score_{rule}": float(score)}
    after[1] = after[1]._replace(**changed)
    message = f"the {rule} score of item 1 of toy/part in evaluation/b is {score}: score the"
    with pytest.raises(EvaluationError, match=message):
        compare_records(before, after)


@pytest.mark.usefixtures("toy")
def test_further_styles_of_one_side_are_not_refused() -> None:
    before, after = make_study([1.0, 0.0], [1.0, 1.0])
    other = [
        [
            record._replace(prompt_style=style, sample_key=f"{style} {record.sample_key}")
            for record in side
        ]
        for style, side in (("old", before[:1]), ("long", after))
    ]
    comparison = compare_records(before + other[0], after + other[1])
    assert len(comparison.pairs) == 2
    assert comparison.only_before == {"toy/part": 1}
    assert comparison.only_after == {"toy/part": 2}
