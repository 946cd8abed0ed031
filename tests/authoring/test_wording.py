"""Each rule of the wording of instructions fails on words that once broke it."""

from pathlib import Path

import pytest

from visionflan.authoring import instruction_text, lint
from visionflan.authoring.findings import TaskExamples
from visionflan.authoring.similar_instructions import MAX_SIMILARITY, shingles
from visionflan.authoring.wording import RULES
from visionflan.dataset import BrokenRow, Example, Task
from visionflan.vocabulary import MetricName

COCO = """Sum up in one short sentence what this photograph shows: the people, animals or things
that matter most, and what they are doing or where they are."""
VQA_E = """Sum up in one plain sentence what is to be seen here: the people, animals or things that
matter most, and what they are doing or how they are arranged."""


def checked(
    instruction: str | tuple[str, ...],
    *targets: str,
    text: str = "",
    options: tuple[str, ...] = (),
    metric: MetricName = "exact_match",
) -> TaskExamples:
    """Return a task with this instruction and an example with each of these targets."""
    examples = [
        Example(image=Path("image.png"), target=target, text=text, options=options)
        for target in targets
    ]
    task = Task[BrokenRow](
        name="task",
        official_name="Lab+task",
        title="Lab task",
        phrasings=(instruction,) if isinstance(instruction, str) else instruction,
        category="General Object",
        metric=metric,
        sensitive=False,
        to_example=lambda _: examples[0],
    )
    return TaskExamples("lab/task", task, examples)


def codes(examples: TaskExamples) -> list[str]:
    answers = examples.answers
    return [
        finding.code
        for phrasing in examples.task.phrasings
        for rule in RULES
        for finding in rule(phrasing, answers)
    ]


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Name that thing as precisely as you can, in one to three words.", ("dolphin", "ibis")),
        ("Answer with the manufacturer's name only.", ("Airbus", "Cessna")),
        ("Guess the word, and write nothing else.", ("fish", "tree")),
        ("Name the owl, the birds and the seafish.", ("bird", "fish")),
    ],
)
def test_labels_that_are_neither_listed_nor_exemplified_are_found(
    instruction: str, labels: tuple[str, ...]
) -> None:
    assert codes(checked(instruction, *labels)) == ["hidden_labels"]
    assert codes(checked(f"{instruction} One is {labels[0]}.", *labels)) == []


def test_a_phrasing_that_lists_fewer_labels_than_the_first_is_found() -> None:
    first = "Which of these does the picture show: a boat, a bus or a cat?"
    labels = ("boat; cat", "bus")
    for second, expected in (
        ("Boat, cat and bus are the possible answers: boat, cat or bus. Choose.", []),
        (
            "The answer is a boat or a cat. Which of the two does the picture show?",
            ["unlisted_label"],
        ),
    ):
        assert codes(checked((first, second), *labels, metric="set_f1")) == expected
    assert codes(checked(("Name it, such as a boat.", "Is it a bus?"), "boat", "bus")) == []


def test_an_item_of_a_list_exemplifies_its_labels() -> None:
    instruction = "List every texture, separated by semicolons, such as {}."
    hidden = checked(instruction.format("others"), "dotted; woven", "grid", metric="set_f1")
    assert "hidden_labels" in codes(hidden)
    listed = checked(instruction.format("woven"), "dotted; woven", "grid", metric="set_f1")
    assert codes(listed) == []


def test_many_labels_options_questions_and_captions_need_no_example() -> None:
    instruction = "Give the answer to the question below."
    assert codes(checked(instruction, *(f"kind {number}" for number in range(61)))) == []
    assert codes(checked(instruction, "red", options=("red", "blue"))) == []
    assert codes(checked(instruction, "red", text="Which color is it?")) == []
    assert codes(checked(instruction, "A red bus.", metric="cider")) == []


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        (
            "A Spitfire is a family: give a name, for example the Airbus A350.",
            ("A320", "Spitfire"),
        ),
        ("Give its adjective alone, like Bohemian or Venetian. Not French.", ("French", "Dutch")),
        ('Name the flaw, "crack" or "bent wire".', ("crack", "hole")),
        ('Write it in the form "Boeing 737, Boeing". Not: A320.', ("A320", "Boeing; A320")),
    ],
)
def test_an_example_that_is_no_answer_is_found(instruction: str, labels: tuple[str, ...]) -> None:
    assert codes(checked(instruction, *labels)) == ["impossible_example"]


@pytest.mark.parametrize(
    "instruction",
    [
        'Name it: "owl", not "eagle owl", and "person" rather than "woman".',
        "Is it an owl or a person? Leave out their details, such as color.",
        'Write "none" if there is neither an owl nor a person.',
    ],
)
def test_what_is_quoted_as_wrong_or_beside_a_complete_list_is_no_example(instruction: str) -> None:
    assert codes(checked(instruction, "owl", "person")) == []


def test_an_example_of_an_answer_to_a_question_has_the_form_of_one() -> None:
    instruction = "Answer the questions below, for example {}."
    form = "Q1: How many?\nQ2: Is it red?"
    for example, expected in (('"A1: red; A2: 7"', []), ('"A1 red, A2 7"', ["impossible_example"])):
        task = checked(instruction.format(example), "A1: 3; A2: yes", text=form, metric="set_f1")
        assert codes(task) == expected


@pytest.mark.parametrize(
    "instruction",
    [
        "Follow its drawings, arrows and labels, and pick the choice that gives the right answer.",
        "Looking is only half of the work here: bring in what is known about such situations.",
        "Think about what the objects are good for, and give a short answer of three words.",
    ],
)
def test_a_text_that_the_instruction_does_not_name_is_found(instruction: str) -> None:
    assert codes(checked(instruction, "rain", text="What follows?")) == ["unnamed_text"]
    named = f"{instruction} Answer the question below."
    assert codes(checked(named, "rain", text="What follows?")) == []
    assert codes(checked(instruction, "A day.", metric="cider")) == []


@pytest.mark.parametrize(
    "instruction",
    [
        "Among the animals listed, just one kind is to be seen in the photograph.",
        "Tell which animal it is.",
        "Caption this picture from the web in one short line, all in small letters.",
        "Name the manner, such as cartoon.",
        "List them in the manner of the example.",
        "It strings together, parted by commas, all you can say.",
        "Of lines at one height the left one comes first.",
        "Pass over what is illegible.",
        "How badly were the roads or other works of man hit?",
        "What does this piece of clip art stand for?",
        "By what means was it put into the picture?",
        "Judge the form of its bill.",
    ],
)
def test_an_old_fashioned_phrase_is_found(instruction: str) -> None:
    (finding,) = list(instruction_text.old_fashioned("lab/task", instruction))[:1]
    assert (finding.location, finding.code) == ("lab/task", "old_fashioned")


def test_todays_words_are_not_old_fashioned() -> None:
    instruction = 'Write it in the form of a list. Say what each understands by "shape".'
    assert list(instruction_text.old_fashioned("lab/task", instruction)) == []


def test_british_spelling_is_found_in_answers_and_options() -> None:
    task = checked("Name it.", "car tyre", options=("car tyre", "aeroplane"))
    messages = {finding.message for finding in lint.misspelled_answers([task])}
    assert {message.split(" ")[0] for message in messages} == {"'tyre'", "'aeroplane'"}
    assert list(lint.misspelled_answers([checked("Name it.", "car tire")])) == []


def test_an_old_pair_of_instructions_is_too_similar() -> None:
    first, second = map(shingles, (COCO, VQA_E))
    assert len(first & second) / len(first | second) > MAX_SIMILARITY
