"""Where a task writes a label in other words, the release's own words are right too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.identical_answers import contexts
from visionflan import catalog
from visionflan.evaluate.metric import PARSING_RULES
from visionflan.evaluate.scorer import score_answer

Label = Callable[[Any], str]


def directory(row: Any) -> str:
    return str(row.image.parent.name)


def label(row: Any) -> str:
    return str(row.label)


# What the release writes for the row of a task, without a number that it puts before it.
LABELS: dict[str, Label] = {
    "aid/aerial_scene_classification": directory,
    "apy/animal_object_vehicle_image_classification": lambda row: str(row.labels[0]),
    "caltech101/image_classification": directory,
    "caltech256/image_classification": lambda row: directory(row)[4:].removesuffix("-101"),
    "cat2000/image_classification": directory,
    "cinic10/image_classification_animal": label,
    "deepweeds/weed_species_recognition": label,
    "domainnet/clipart_image_classification": directory,
    "exdark/object_recognition": label,
    "expw/expression_detection": lambda row: str(row.expression),
    "objectnet/object_classfication": directory,
    "office31/image_classification_object": directory,
    "office_home/image_classification": directory,
    "stanford_dogs/dog_classification": lambda row: directory(row).partition("-")[2],
    "tu_berlin_sketch/object_detection": directory,
    "visda2017/image_classification": directory,
    "yoga82/yoga_pose_recognition": lambda row: str(row.pose),
}


def test_the_tasks_exist() -> None:
    assert all(task in TASKS for task in LABELS), LABELS.keys() - TASKS


TASKS = {f"{name}/{task}" for name in catalog.names() for task in catalog.load(name).tasks}


@pytest.mark.parametrize("task", LABELS)
def test_the_label_of_the_release_scores_1(task: str, tmp_path: Path) -> None:
    name, _, task_name = task.partition("/")
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path, 40)
    rows = list(dataset.rows(tmp_path))
    pairs = [(row, dataset.tasks[task_name].to_example(row)) for row in rows]
    scored = 0
    for row, example in pairs:
        if example is None:
            continue
        raw = LABELS[task](row)
        words = " ".join(raw.replace("_", " ").replace("-", " ").split())
        accepted = {reference.casefold() for reference in (example.target, *example.references)}
        assert raw.casefold() in accepted or words.casefold() in accepted, (raw, accepted)
        (context, *_) = contexts(task, [example])
        for rule in PARSING_RULES:
            metric = dataset.tasks[task_name].metric
            assert score_answer(metric, words, context, rule).score == 1, raw
        scored += 1
    assert scored
