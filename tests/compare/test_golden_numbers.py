"""The numbers of one comparison stay the same, to the last digit that is written."""

import json
from pathlib import Path
from random import Random
from typing import Any

from tests.helpers.comparison_factory import compare_records, scored_record
from tests.helpers.subset_answers import closed_record, formatted_record, yes_no_record
from visionflan.compare.serialize import to_json
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record

GOLDEN = Path(__file__).parents[1] / "golden" / "compare.json"
TEXTS = ("cat", "It is a cat.", "The image shows a cat.\n- a cat", "perhaps a cat, a cat, a cat")
STATUSES: tuple[ParseStatus, ...] = ("parsed", "parsed", "list_echo", "unparsed", "truncated")


def reply(records: list[Record], rng: Random, task: str, **fields: Any) -> list[Record]:
    """Turn answers into those of a task, with random text and three items per image."""
    return [
        record._replace(
            task=task,
            image_cluster=f"{task} {item // 3}",
            sample_key=f"{fields.get('style', '')} {record.sample_key}",
            response=f"{record.response} {rng.choice(TEXTS)}",
            **fields,
        )
        for item, record in enumerate(records)
    ]


def yes_no(rng: Random, skill: float) -> list[Record]:
    """Answer yes or no, with more or less reason to."""
    truths = [("yes", "no")[item % 2] for item in range(60)]
    return [
        yes_no_record(
            rng.choice(["yes", "yes", truth, truth, truth, "perhaps"]),
            truth,
            item,
            rng.gauss(skill if truth == "yes" else -skill, 1),
        )
        for item, truth in enumerate(truths)
    ]


def closed(rng: Random, skill: float) -> list[Record]:
    """Answer one of a closed set, or nothing that can be parsed."""
    return [
        closed_record(
            "cat" if rng.random() < skill else "dog",
            float(rng.random() < skill),
            item,
            rng.choice(STATUSES),
        )
        for item in range(45)
    ]


def formatted(rng: Random, skill: float) -> list[Record]:
    """Answer in a format that one rule, both or neither can read."""
    return [
        formatted_record(
            (float(rng.random() < skill), rng.random() < skill, rng.random() < skill), item
        )
        for item in range(45)
    ]


def model(skill: float, seed: int) -> list[Record]:
    """Answer questions of every kind that a comparison tells apart."""
    rng = Random(seed)
    captions = [scored_record(round(rng.random(), 2), item) for item in range(30)]
    few = [scored_record(1.0, item) for item in range(6)]
    records = [
        *reply(yes_no(rng, skill), rng, "shapes/exists"),
        *reply(closed(rng, skill), rng, "shapes/animal"),
        *reply(formatted(rng, skill), rng, "shapes/color"),
        *reply(captions, rng, "shapes/caption", metric="cider"),
        *reply(few, rng, "shapes/few", metric="exact_match"),
        *reply(closed(rng, skill), rng, "mnist/all", metric="mnist", prompt_style="bare"),
    ]
    for name in ("cifar10", "cifar100", "mnist", "miniimagenet"):
        records += reply(closed(rng, skill), rng, f"{name}/all", metric=name, prompt_style="short")
    for task in ("mme/color", "mme/count"):
        records += reply(yes_no(rng, skill), rng, task, metric="mme", prompt_style="short")
    return [record._replace(checkpoint=str(seed)) for record in records]


def without_text(value: Any) -> Any:
    """Leave out conclusions and notes."""
    if isinstance(value, dict):
        text = {"conclusion", "notes"}
        return {key: without_text(member) for key, member in value.items() if key not in text}
    return [without_text(member) for member in value] if isinstance(value, list) else value


def test_the_numbers_of_a_comparison_stay_the_same() -> None:
    numbers = without_text(to_json(compare_records(model(0.8, 1), model(0.5, 2))))
    assert json.loads(json.dumps(numbers)) == json.loads(GOLDEN.read_text())
