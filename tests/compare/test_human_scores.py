"""Persons beside models: on the same items of the same build, or a note why not."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.comparison_factory import evaluation, scored_record
from visionflan.compare.human_scores import compare_humans, find_persons
from visionflan.compare.results import Evaluation
from visionflan.compare.run import compare, to_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.header import (
    HUMAN,
    ModelHeader,
    TrainingOverlap,
    generation_config,
    write_header,
)
from visionflan.evaluate.records.record import Record, write_records

TASK = "data/task"
BUILD = "b" * 64


def answers(scores: str, first: int = 0, **fields: Any) -> list[Record]:
    """Return an answer to each item, by its score of 0 or 1."""
    defaults: dict[str, Any] = {
        "task": TASK,
        "metric": "exact_match",
        "source": BUILD,
        "candidates": ("cat", "dog"),
        "generation_config": generation_config(0, HUMAN),
    }
    return [
        scored_record(float(score), item, **{**defaults, **fields})
        for item, score in enumerate(scores, start=first)
    ]


def person(name: str, records: list[Record], build: str = BUILD) -> Evaluation:
    """Return the evaluation that the answers of a person are."""
    return evaluation(
        [record._replace(source=build) for record in records],
        HUMAN,
        run=name,
        checkpoint=f"{HUMAN}:{name}",
        sources=(build,),
        overlap=TrainingOverlap(),
        model=ModelHeader(engine=HUMAN),
    )


def model(name: str, records: list[Record]) -> Evaluation:
    """Return the evaluation of a model."""
    return evaluation(records, name, sources=(BUILD,))


def test_scores_are_of_the_items_that_the_person_and_all_models_answered() -> None:
    ada = person("ada", answers("111100"))
    models = {
        "base": [model("base", answers("0101", first=1))],
        "chat": [model("chat", answers("1010", first=2))],
    }
    results = compare_humans([ada], models)
    (overall, task) = (row for row in results.scores if row.rule == "lenient")
    assert (overall.name, task.name, task.person) == ("all tasks", TASK, "ada")
    assert task.human.items == 3  # 2, 3 and 4
    means = task.human.mean, task.models["base"].mean, task.models["chat"].mean
    assert means == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (results.agreement, results.notes) == ([], [])


def test_an_item_without_a_score_or_with_other_images_counts_nowhere() -> None:
    ada = person("ada", answers("111"))
    records = [*answers("11"), *answers("1", first=2, condition="blank")]
    records[0] = records[0]._replace(score_lenient=None)
    results = compare_humans([ada], {"base": [model("base", records)]})
    items = {row.rule: row.human.items for row in results.scores if row.name == TASK}
    assert items == {"official": 2, "lenient": 1}


def test_a_person_who_solved_another_build_is_a_note() -> None:
    other = "c" * 64
    results = compare_humans(
        [person("ada", answers("11"), other)], {"base": [model("base", answers("11"))]}
    )
    assert results.scores == []
    (note,) = results.notes
    assert note.startswith("ada solved another build than base answered")
    assert other[:12] in note


def test_persons_agree_only_on_items_of_one_build() -> None:
    ada, bob = person("ada", answers("10")), person("bob", answers("10"), "c" * 64)
    (agreement,) = compare_humans([ada, bob], {}).agreement
    assert agreement.items == 0
    assert "no item" in agreement.undefined


def test_two_persons_are_compared_with_their_agreement() -> None:
    ada, bob = person("ada", answers("1100" * 5)), person("bob", answers("1101" * 5))
    comparison = compare([ada], [bob])
    (agreement,) = comparison.humans.agreement
    assert (agreement.persons, agreement.items, agreement.same) == (("ada", "bob"), 20, 15)
    assert comparison.humans.scores == []
    assert comparison.notes == []
    numbers = to_json(comparison)["humans"]["agreement"][0]
    assert numbers["kappa"]["value"] == pytest.approx(0.5)


def test_further_persons_stand_beside_the_models_that_are_compared() -> None:
    before, after = model("base", answers("0101" * 5)), model("chat", answers("1101" * 5))
    persons = [person(name, answers(scores * 5)) for name, scores in (("a", "1100"), ("b", "1111"))]
    comparison = compare([before], [after], persons)
    rows = {(row.person, row.name): row for row in comparison.humans.scores}
    assert set(rows) == {(name, scope) for name in "ab" for scope in ("all tasks", TASK)}
    assert {label: score.mean for label, score in rows["b", TASK].models.items()} == {
        "before": 0.5,
        "after": 0.75,
    }
    assert len(comparison.humans.agreement) == 1


def test_a_person_who_is_a_side_and_in_the_directory_counts_once() -> None:
    ada = person("ada", answers("1100"))
    comparison = compare([ada], [model("chat", answers("1101"))], [ada])
    assert comparison.humans.agreement == []
    assert comparison.notes == []  # a person is no engine, and was trained on nothing
    assert {row.person for row in comparison.humans.scores} == {"ada"}


def test_models_alone_have_no_results_of_persons() -> None:
    comparison = compare([model("base", answers("01"))], [model("chat", answers("11"))])
    assert not any(comparison.humans)


def test_a_directory_without_complete_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="has no answers of persons: make some"):
        find_persons(tmp_path)
    ada = person("ada", answers("1"))
    directory = tmp_path / "ada/build"
    directory.mkdir(parents=True)
    write_header(directory, ada.header)
    with pytest.raises(EvaluationError, match="has answered all items of a task"):
        find_persons(tmp_path)


def test_a_person_who_completed_no_task_is_a_note(tmp_path: Path) -> None:
    ada, bob = person("ada", answers("10")), person("bob", answers("11"))
    for one in (ada, bob):
        directory = tmp_path / one.header.run / "build"
        directory.mkdir(parents=True)
        write_header(directory, one.header)
    write_records(tmp_path / "ada/build/records.parquet", ada.records)
    persons = find_persons(tmp_path)
    assert persons[0].records == ada.records
    results = compare_humans(persons, {"base": [model("base", answers("10"))]})
    assert {row.person for row in results.scores} == {"ada"}
    assert results.notes == ["bob has not yet answered all items of a task: not shown."]
