"""The catalog as a whole: all tasks of the paper, and what their specimens give away."""

import csv
import re
from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from visionflan import catalog
from visionflan.dataset import Example
from visionflan.errors import UnusableError
from visionflan.prompt import render
from visionflan.vocabulary import CATEGORIES

NAMES = catalog.names()
TASKS = catalog.task_names()
PICTURES = 60
RENDERED = 1_000
CONTEXT = 8_000  # letters, about 2,048 tokens
FREE = {"cider", "rouge_l", "character_accuracy"}  # of answers in one's own words
MOST_GAIN = 0.3

# Tasks whose specimens can be guessed at without looking, with the reason; this list only shrinks.
GUESSABLE = {
    "imagenet_a/image_classification": "eight of the 200 classes are drawn, all may be offered",
    "mocheg/multimodal_factual_checking": "what no picture can settle is claimed in other words",
}

# The paper's Appendix I, counted by category.
PAPER = {
    "Perception": 24,
    "Outside Knowledge": 5,
    "Reasoning": 7,
    "OCR": 5,
    "Document-Level OCR": 3,
    "Phrase-Level OCR": 3,
    "Knowledge Extraction": 3,
    "Semantic Art Understanding": 6,
    "Visual Dialogue": 5,
    "Rational and Script Generation": 6,
    "Coarse-grained Captioning": 9,
    "Fine-grained Captioning": 9,
    "Scene Classification": 7,
    "Animal Classification": 13,
    "Vehicle Classification": 6,
    "Human Activity": 3,
    "Facial Recognition": 4,
    "Anomaly Detection": 2,
    "General Object": 21,
    "Complex Reasoning": 5,
    "Image Text Matching": 4,
    "General Object in Special Image Domain": 20,
    "Image-Style Classification": 10,
    "Image Quality Classification": 5,
    "Texture Classification": 3,
}


class Official(NamedTuple):
    """One line of the table of official tasks."""

    category: str
    title: str
    official_name: str
    dataset: str
    source: str


def official() -> list[Official]:
    table = files("visionflan") / "resources" / "official_tasks.tsv"
    lines = csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t")
    columns = ("category", "title", "official_name", "dataset", "in")
    return [Official(*(line[column] for column in columns)) for line in lines]


@cache
def specimen(name: str) -> dict[str, list[tuple[str, Example]]]:
    """Return the keys and examples that each task makes from a specimen."""
    dataset = catalog.load(name)
    task_examples: dict[str, list[tuple[str, Example]]] = {task: [] for task in dataset.tasks}
    with TemporaryDirectory() as folder:
        dataset.write_specimen(Path(folder), PICTURES)
        rows = list(dataset.rows(Path(folder)))
        for task, row in ((task, row) for task in dataset.tasks.values() for row in rows):
            try:
                if (example := task.to_example(row)) is not None:
                    task_examples[task.name].append((row.key, example))
            except UnusableError:
                continue
    return task_examples


def examples(task: str) -> list[tuple[str, Example]]:
    name, _, task_name = task.partition("/")
    return specimen(name)[task_name]


def test_the_catalog_covers_every_official_task_and_no_other_dataset() -> None:
    lines = official()
    assert len(lines) == len(TASKS) == 209
    assert len(NAMES) == 109
    assert {line.dataset for line in lines} == set(NAMES)
    for line in lines:
        tasks = catalog.load(line.dataset).tasks.values()
        named = {task.official_name if line.official_name else task.title for task in tasks}
        assert (line.official_name or line.title) in named


def test_the_counts_by_category_and_group_are_those_of_the_paper() -> None:
    of_paper = [line for line in official() if line.source == "paper"]
    counts: Counter[str] = Counter()
    for line in of_paper:
        (task,) = (
            task
            for task in catalog.load(line.dataset).tasks.values()
            if (task.official_name, task.title)
            == (line.official_name or task.official_name, line.title)
        )
        counts[task.category] += 1
    assert counts == PAPER
    groups: Counter[str] = Counter()
    for category, count in counts.items():
        groups[CATEGORIES[category]] += count
    assert groups == {"question answering": 41, "generation": 44, "classification": 103}


def places_of_right_options(task: str) -> dict[int, Counter[int]]:
    """Render a thousand prompts, and count the right options' places by how many are offered."""
    positions: dict[int, Counter[int]] = defaultdict(Counter)
    task_examples = [(key, example) for key, example in examples(task) if example.options]
    for number in range(RENDERED if task_examples else 0):
        key, example = task_examples[number % len(task_examples)]
        options = render("Choose.", example, 0, task, f"{key}-{number}").options
        positions[len(options)][options.index(example.target)] += 1
    return positions


@pytest.mark.parametrize("task", TASKS)
def test_the_right_option_stands_in_every_place_equally_often(task: str) -> None:
    for options, counts in places_of_right_options(task).items():
        expected = counts.total() / options
        surprise = sum((counts[index] - expected) ** 2 / expected for index in range(options))
        free = options - 1
        assert surprise < free + 5 * sqrt(2 * free) + 10  # less than one in 10,000 by chance


@pytest.mark.parametrize("task", TASKS)
def test_prompts_and_answers_fit_into_the_context_of_a_model(task: str) -> None:
    name, _, task_name = task.partition("/")
    instruction = catalog.load(name).tasks[task_name].instruction
    for key, example in examples(task):
        turns = render(instruction, example, 0, task, key).turns
        assert sum(len(turn.text) for turn in turns) < CONTEXT


@pytest.mark.parametrize("task", TASKS)
def test_who_does_not_look_cannot_answer(task: str) -> None:
    """A guesser that knows all other examples of a task by their words gains little by it."""
    name, _, task_name = task.partition("/")
    task_examples = [example for _, example in examples(task)]
    if catalog.load(name).tasks[task_name].metric in FREE:
        assert task_examples
        return
    gain = right_guesses(task_examples) - chance(task_examples)
    assert (gain > MOST_GAIN) == (task in GUESSABLE)


def chance(task_examples: list[Example]) -> float:
    """How often one is right who draws among the options, or names the most frequent answer."""
    if task_examples[0].options:
        return sum(1 / len(example.options) for example in task_examples) / len(task_examples)
    return Counter(example.target for example in task_examples).most_common(1)[0][1] / len(
        task_examples
    )


def right_guesses(task_examples: list[Example]) -> float:
    """How often one is right who copies the answers to the most similar of the other texts.

    An option that was right whenever it was offered is preferred, so that wrong options which are
    never right elsewhere are found out.
    """
    word_sets = [frozenset(re.findall(r"\w+", example.text.lower())) for example in task_examples]
    right = Counter(example.target for example in task_examples)
    offered = Counter(option for example in task_examples for option in example.options)
    hits = 0
    for index, example in enumerate(task_examples):
        near = dict.fromkeys([*right, *example.options], 0.0)
        for other, known in enumerate(task_examples):
            if other != index:
                near[known.target] += likeness(word_sets[index], word_sets[other]) ** 8
        total = sum(near.values()) or 1.0
        worth = {answer: weight / total for answer, weight in near.items()}
        if example.options:
            often = {
                option: (right[option] - (option == example.target) + 0.5)
                / (offered[option] - 1 + len(example.options) / 2)
                for option in example.options
            }
            worth = {option: often[option] + 3 * worth[option] for option in example.options}
        hits += max(sorted(worth), key=worth.__getitem__) == example.target
    return hits / len(task_examples)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of words that two texts have in common."""
    return len(one & other) / len(one | other) if one | other else 1.0
