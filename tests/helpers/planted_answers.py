"""Write answers from which a measure of an arm has a chosen value, and any other reading another.

Around each planted value lie decoys: other tasks, conditions, rules, questions and words have the
mirror of it, so that a measure that reads any of those finds the opposite.
"""

import json
from collections.abc import Callable, Collection, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from tests.helpers.record_factory import record
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.replicate import ANSWERS
from visionflan.analysis.studies import connector, forgetting, reading, synthetic
from visionflan.atomic_write import write_json
from visionflan.evaluate.metric import RULES, ScoringRule
from visionflan.evaluate.phrasings import PHRASINGS, STYLE
from visionflan.evaluate.records.files import RECORDS, SCORES
from visionflan.evaluate.records.header import Header, TrainingOverlap, write_header
from visionflan.evaluate.records.record import Record, write_records
from visionflan.vocabulary import CATEGORIES

CONDITIONS = ("original", "blank")
COUNT = 200  # questions where a value is a share of them
SEEN = "mnist"  # the set of images that was trained on

Planter = Callable[[ArmOutputs, float], None]


def directory(outputs: ArmOutputs, name: str) -> Path:
    """Return the output directory of a step that is not run."""
    path = outputs.store.directory(outputs.arm.outputs[name]) / "output"
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(outputs: ArmOutputs, name: str, records: Iterator[Record], file: str = RECORDS) -> None:
    """Write a table of records of an output."""
    path = directory(outputs, name) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_records(path, records)


def scores(value: float, rule: ScoringRule = "lenient") -> dict[str, Any]:
    """Return the scores of a record: a value under a rule, its mirror under the others."""
    return {f"score_{other}": value if other == rule else 1 - value for other in RULES}


def answer(task: str, number: object, condition: str = "original", **fields: Any) -> Record:
    """Return a record of a bounded metric."""
    fields = {"metric": "exact_match", **fields}
    return record(task=task, sample_key=f"{number}", condition=condition, **fields)


def some_tasks(outputs: ArmOutputs) -> list[str]:
    """Return two training tasks and two held-out ones of each group."""
    sizes = outputs.replicate.tasks.sizes
    chosen = []
    for group, tasks in product(
        sorted(set(CATEGORIES.values())), (outputs.training_tasks, outputs.held_out_tasks)
    ):
        chosen += sorted(task for task in tasks if sizes[task].group == group)[:2]
    return chosen


def plant_scores(
    outputs: ArmOutputs,
    value: float,
    tasks: Collection[str],
    rule: ScoringRule = "lenient",
    blank: float | None = None,
) -> None:
    """Plant the score of some tasks under a rule; `blank` is that with gray images."""
    values = {"original": value, "blank": 1 - value if blank is None else blank}

    def records() -> Iterator[Record]:
        for task, condition in product(some_tasks(outputs), CONDITIONS):
            score = values[condition]
            yield answer(task, 0, condition, **scores(score if task in tasks else 1 - score, rule))

    write(outputs, ANSWERS, records())


def plant_group(group: str) -> Planter:
    """Return how the score on the held-out tasks of a group is planted."""

    def plant(outputs: ArmOutputs, value: float) -> None:
        sizes = outputs.replicate.tasks.sizes
        tasks = {task for task in outputs.held_out_tasks if sizes[task].group == group}
        plant_scores(outputs, value, tasks, "likelihood")

    return plant


def plant_closed(outputs: ArmOutputs, value: float) -> None:
    """Plant the score of closed questions; open ones have the mirror."""

    def records() -> Iterator[Record]:
        for task, is_closed in product(some_tasks(outputs), (True, False)):
            score = value if is_closed and task in outputs.training_tasks else 1 - value
            chance = 0.25 if is_closed else None
            yield answer(task, is_closed, chance_score=chance, **scores(score))

    write(outputs, ANSWERS, records())


def plant_yes_rate(outputs: ArmOutputs, value: float) -> None:
    """Plant the share of yes; with gray images and to other questions it is the mirror."""

    def records() -> Iterator[Record]:
        for number, condition in product(range(COUNT), CONDITIONS):
            truth = "yes" if number % 2 else "no"
            is_yes = number < round(value * COUNT)
            own = is_yes if condition == "original" else not is_yes
            for references, says_yes in (((truth,), own), (("cat",), not own)):
                yield answer(
                    "toy/part",
                    f"{number} {references}",
                    condition,
                    references=references,
                    parsed_lenient="Yes." if says_yes else "No",
                    status_lenient="parsed",
                )

    write(outputs, ANSWERS, records())


def plant_style(outputs: ArmOutputs, value: float) -> None:
    """Plant the likeness to conversations; answers to tasks have the mirror."""
    rows = [answer("conversations/detail", 0, metric="rouge_l", **scores(value))]
    write(outputs, synthetic.CONVERSATIONS, iter(rows))
    plant_scores(outputs, 1 - value, outputs.training_tasks)


def plant_preference(outputs: ArmOutputs, value: float) -> None:
    """Plant a judge's score relative to that of the references; rules have the mirror."""
    rows = [
        answer("llava_bench/conv", number, scored_by=scored_by, reference_score=0.8, **marks)
        for number, (scored_by, marks) in enumerate(
            (("judge", scores(0.8 * value)), ("rule", scores(0.8 * (1 - value))))
        )
    ]
    file = f"{synthetic.JUDGED}/{RECORDS}"
    write(outputs, synthetic.PREFERENCE, iter(rows), file)


def plant_gap(outputs: ArmOutputs, value: float) -> None:
    """Plant true less gray images."""
    plant_scores(outputs, 0.5, outputs.training_tasks, blank=0.5 - value)


def plant_weights(connector_value: float, outputs: ArmOutputs, language_model: float) -> None:
    """Write the correlation of parts; that of each layer is the mirror."""
    values = {"connector": connector_value, "language_model": language_model}
    rows = [
        {"part": part, "layer": layer, "pearson": 1 - value if layer else value}
        for layer in ("layer.0", "")
        for part, value in values.items()
    ]
    write_json(directory(outputs, connector.WEIGHTS) / "facts.json", {"weights": rows})


def plant_correlation(outputs: ArmOutputs, value: float) -> None:
    """Plant the correlation of the connector, less 0.99."""
    plant_weights(0.99 + value, outputs, 0.99 - value)


def plant_lead(outputs: ArmOutputs, value: float) -> None:
    """Plant the lead of the connector's correlation over the language model's."""
    plant_weights(0.5 + value, outputs, 0.5)


def plant_forgotten(outputs: ArmOutputs, value: float) -> None:
    """Plant the share of questions that are forgotten; of the set that was seen, the mirror.

    As many others are learned, or answered in other words, as are not forgotten.
    """
    for output in (forgetting.OWN, forgetting.BEFORE, forgetting.WIDEST):
        for name in forgetting.SETS:
            share = 1 - value if name == SEEN else value
            first_forgotten = COUNT - round(share * COUNT) if output == forgetting.OWN else COUNT
            rows = [
                answer(
                    f"{name}/test",
                    f"{number:04d}",
                    metric=name,
                    score_likelihood=float(number < first_forgotten),
                    score_lenient=float(number >= first_forgotten),
                )
                for number in range(COUNT)
            ]
            write(outputs, output, iter(rows), f"{name}/{RECORDS}")
            write_header(directory(outputs, output) / name, header(name, output))


def header(name: str, output: str) -> Header:
    """Return the header of an evaluation on a set; Chat has seen images of one."""
    seen = 3 if (name, output) == (SEEN, forgetting.WIDEST) else 0
    return Header(
        run="",
        stage="",
        checkpoint="",
        checkpoint_path="",
        sources=(),
        source_paths=(),
        generation_config="{}",
        conditions=("original",),
        limit=None,
        tasks={},
        benchmark=name,
        overlap=TrainingOverlap(known=True, included=True, questions={f"{name}/test": seen}),
    )


def plant_words(question: str) -> Planter:
    """Return how the share of the words of an annotation, all of them names, is planted.

    After the words that count, the answer has all others; the other question has the mirror.
    """

    def plant(outputs: ArmOutputs, value: float) -> None:
        rows = [
            answer(f"{reading.READING}/{name}", number, **fields)
            for name in (reading.TEXT, reading.CAPTION)
            for number, fields in enumerate(named(value if name == question else 1 - value))
        ]
        write(outputs, reading.READING, iter(rows))

    return plant


def named(share: float) -> Iterator[dict[str, str]]:
    """Yield target and response of questions of which a share of all words is in the answers."""
    words = [f"Name{index}" for index in range(20)]
    for number in range(COUNT // len(words)):
        hits = words[: (round(share * COUNT) + number) // 10]
        filler = ["um"] * (reading.MAX_WORDS - len(hits))
        yield {"target": f"the {' '.join(words)}", "response": " ".join([*hits, *filler, *words])}


def plant_phrasings(own: float, new: float, outputs: ArmOutputs) -> None:
    """Plant the score in the first and the last phrasing; others have the mirror of the last."""
    tasks = sorted(outputs.training_tasks)[:4]
    records = [
        answer(task, 0, **scores(own if index < 2 else 1 - own)) for index, task in enumerate(tasks)
    ]
    write(outputs, ANSWERS, iter(records))
    others = [
        answer(
            task,
            f"{number}",
            prompt_style=f"{STYLE}{number}",
            **scores(new if number == 5 else 1 - new),
        )
        for task in tasks[:2]
        for number in range(2, 6)
    ]
    write(outputs, ANSWERS, iter(others), f"{PHRASINGS}/{RECORDS}")


def plant_sensitivity(outputs: ArmOutputs, value: float) -> None:
    """Plant the sensitivity to phrasings."""
    tasks = {"toy/part": {"sensitivity": 1 - value}}
    summary = {"sensitivity": {"mean": value, "low": 0.0, "high": 1.0, "tasks": tasks}}
    (directory(outputs, ANSWERS) / SCORES).write_text(json.dumps(summary))


PLANTERS: dict[str, Planter] = {
    "held_out_likelihood": lambda outputs, value: plant_scores(
        outputs, value, outputs.held_out_tasks, "likelihood"
    ),
    "held_out_question_answering": plant_group("question answering"),
    "held_out_generation": plant_group("generation"),
    "held_out_classification": plant_group("classification"),
    "trained": lambda outputs, value: plant_scores(outputs, value, outputs.training_tasks),
    "image_gap": plant_gap,
    "closed": plant_closed,
    "yes_rate": plant_yes_rate,
    "style": plant_style,
    "preference": plant_preference,
    "correlation": plant_correlation,
    "lead": plant_lead,
    "forgotten": plant_forgotten,
    "text_recall": plant_words(reading.TEXT),
    "name_coverage": plant_words(reading.CAPTION),
    "drop": lambda outputs, value: plant_phrasings(0.4 + value, 0.4, outputs),
    "new_words": lambda outputs, value: plant_phrasings(1 - value, value, outputs),
    "sensitivity": plant_sensitivity,
}
