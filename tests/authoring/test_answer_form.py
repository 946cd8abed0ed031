"""What an instruction says of the answer's form is compared with the answers of its task."""

from pathlib import Path

import pytest

from visionflan.authoring.answer_form import RULES
from visionflan.authoring.findings import TaskExamples
from visionflan.dataset import BrokenRow, Example, Task

QUESTION, OPTIONS = "What is it?", ("red", "blue")


def codes(
    instruction: str, *targets: str, text: str = "", options: tuple[str, ...] = ()
) -> list[str]:
    """Return what is found in an instruction whose task has these targets."""
    examples = [
        Example(image=Path("image.png"), target=target, text=text, options=options)
        for target in targets
    ]
    task = Task[BrokenRow](
        name="task",
        official_name="Lab+task",
        title="Lab task",
        phrasings=(instruction,),
        category="General Object",
        metric="exact_match",
        sensitive=False,
        to_example=lambda _: examples[0],
    )
    answers = TaskExamples("lab/task", task, examples).answers
    return [finding.code for rule in RULES for finding in rule(instruction, answers)]


@pytest.mark.parametrize(
    "instruction", ["Name the animal.", "Describe what you see.", "What is in the picture?"]
)
def test_an_instruction_that_does_not_say_the_form_of_the_answer_is_found(instruction: str) -> None:
    assert codes(instruction, "a dog", "a cat", text=QUESTION) == ["unstated_form"]
    assert codes(f"{instruction} Answer in a few words.", "a dog", "a cat", text=QUESTION) == []


def test_a_list_of_labels_or_options_says_the_form() -> None:
    assert codes("Is this a dog or a cat?", "dog", "cat") == []
    assert codes("Is this a dog?", "dog", "cat") == ["unstated_form"]
    assert codes("What is this?", "red", options=OPTIONS) == []


@pytest.mark.parametrize(
    ("instruction", "right", "wrong"),
    [
        ("Answer the question below in one word.", "dog", "big dog"),
        ("Say it in no more than three words.", "a big dog", "a very big dog"),
        ("Write the name in lower case.", "dog", "Dog"),
        ("Write the word in capital letters.", "DOG", "Dog"),
        ("Say yes or no.", "Yes", "perhaps"),
        ("Answer in one word: yes or no.", "no", "perhaps"),
        ("Write the number in digits.", "12", "twelve"),
        ("Describe it in one short sentence.", "A dog runs.", "A dog runs. It barks."),
    ],
)
def test_an_answer_of_another_form_is_found(instruction: str, right: str, wrong: str) -> None:
    assert codes(instruction, right, text=QUESTION) == []
    assert codes(instruction, right, wrong, text=QUESTION) == ["contradicted_form"]
    assert codes(instruction, *(right,) * 200, wrong, text=QUESTION) == []


@pytest.mark.parametrize(
    "instruction",
    [
        "Answer in one word, or in two if there are several.",
        "List every texture, one word each, in a line.",
        "Answer with yes or no, a name or a number.",
        "If the question can be answered with yes or no, do so in one word.",
    ],
)
def test_a_form_under_a_condition_contradicts_nothing(instruction: str) -> None:
    assert codes(instruction, "two words", text=QUESTION) == []


def test_options_that_the_instruction_does_not_ask_for_are_found() -> None:
    instruction = "Say in one word what color the ball has."
    assert codes(instruction, "red", options=OPTIONS) == ["unasked_options"]
    for asking in ("Choose its color.", "Is it red?", "Say red or blue in one word."):
        assert codes(asking, "red", options=OPTIONS) == []


def test_options_that_are_not_there_are_found() -> None:
    assert codes("Choose one of the options below.", "red", text=QUESTION) == ["no_options"]
    assert codes("Choose one word from red and blue.", "red") == []
