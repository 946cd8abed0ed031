"""The two releases of wikiHow with pictures, and the order of their steps."""

import json
from collections import Counter
from pathlib import Path

import pytest

from visionflan.datasets.wikihow import (
    Row,
    dataset,
    wikihow_image_text_step_order,
    wikihow_immediate_next_step_selection,
    wikihow_next_step,
    wikihow_text_image_step_order,
)
from visionflan.errors import UnusableError

STEPS = ("Wash it.", "Peel  it.", "Cut it.", "Cook it.", "wash it.")


def step(index: int, steps: tuple[str, ...] = STEPS, key: str = "1_cook-beets") -> Row:
    """Make a row of a method whose steps all have a picture."""
    images = tuple(Path(f"{number}.jpg") for number in range(len(steps)))
    return Row(f"{key}/0/{index}", "How to cook beets", steps, images, index)


def test_the_release_in_one_file_is_read_with_images_named_by_step(tmp_path: Path) -> None:
    steps = [
        {"headline": text, "img": address, "step_id": f"10_0_{index}"}
        for index, (text, address) in enumerate((("Sit.", "http://a"), ("Lie.", None)))
    ]
    article = {"file_id": "10", "goal": "How to Rest", "methods": [{"name": "Now", "steps": steps}]}
    (tmp_path / "WikihowText_data.json").write_text(f"{json.dumps(article)}\n[]\n")
    first, second, broken = dataset.read(tmp_path)
    assert first == Row(
        "10/0/0",
        "How to Rest (Now)",
        ("Sit.", "Lie."),
        (tmp_path / "wiki_images" / "10_0_0.png", None),
        0,
        "10",
    )
    assert (second.key, broken.key) == ("10/0/1", "line 2")
    (example,) = dataset.examples("wikihow_next_step", tmp_path)
    assert example.text == "Task: How to Rest (Now)\nSteps before:\nnone"


def test_the_steps_given_end_before_the_one_that_is_shown() -> None:
    example = wikihow_next_step(step(2))
    assert example is not None
    assert example.text.splitlines()[2:] == ["1. Wash it.", "2. Peel it."]
    assert (example.target, example.repaired) == ("Cook it.", ("trimmed_blanks",))


def test_a_wrong_next_step_is_neither_the_right_one_nor_the_one_shown() -> None:
    example = wikihow_immediate_next_step_selection(step(3))
    assert example is not None
    assert (example.target, example.options[0]) == ("wash it.", "wash it.")
    assert sorted(example.options[1:]) == ["Cut it.", "Peel it."]


@pytest.mark.parametrize("index", [1, 2])
def test_the_words_of_a_step_do_not_tell_on_which_side_the_image_is(index: int) -> None:
    steps = ("Wash it.", "Peel it.", "Cut it.", "Cook it.")
    answers: Counter[str] = Counter()
    for number in range(400):
        row = step(index, steps, key=f"{number}_cook-beets")
        by_image, by_text = wikihow_image_text_step_order(row), wikihow_text_image_step_order(row)
        assert by_image is not None
        assert by_text is not None
        after = row.pictures[index + 1]
        assert (by_image.target == "previous") == (by_image.image == after)
        assert (by_text.target == "next") == (by_text.image == after)
        answers.update({f"image {by_image.target}": 1, f"text {by_text.target}": 1})
    assert len(answers) == 4
    assert min(answers.values()) > 150


def test_a_step_that_stands_twice_has_no_order() -> None:
    with pytest.raises(UnusableError, match="step_without_order"):
        wikihow_text_image_step_order(step(1, ("Wash it.", "Stir.", "Cut it.", "stir.")))
