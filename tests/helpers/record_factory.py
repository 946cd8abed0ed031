"""Make records for tests, with defaults for what a test does not name."""

from typing import Any

from visionflan.evaluate.metric import PARSING_RULES, ScoringContext
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import SCHEMA, Record
from visionflan.evaluate.scorer import score_answer

TASK = TaskHeader(
    dataset="shapes",
    official_name="",
    title="",
    category="",
    group="colors",
    metric="exact_match",
    sensitive=False,
    num_train=0,
    held_out=1,
    num_train_answers=1,
    candidates=(),
    conversation=False,
)

PLAIN: dict[str, Any] = {
    "schema": SCHEMA,
    "run": "run",
    "stage": "base",
    "checkpoint": "a" * 64,
    "source": "s" * 64,
    "task": "toy/part",
    "instance": "0",
    "sample_key": "k",
    "condition": "original",
    "images": ("i",),
    "images_shown": ("i",),
    "image_cluster": "i",
    "prompt": "<image>\nWhat is it?",
    "options": (),
    "target": "cat",
    "references": ("cat",),
    "metric": "toy",
    "chance_score": None,
    "majority_answer": None,
    "generation_config": "{}",
    "response": "cat",
    "num_tokens": 1,
    "finish_reason": "stop",
    "error": "",
}


def record(**fields: Any) -> Record:
    """Make a record of the fields that matter to a test."""
    return Record(**{**PLAIN, **fields})


def read_by_rules(unscored: Record, metric: str) -> Record:
    """Read and score the answer of a record by both rules of a metric or benchmark."""
    question = ScoringContext(unscored.target, unscored.references)
    official, lenient = (
        score_answer(metric, unscored.response, question, rule) for rule in PARSING_RULES
    )
    return unscored._replace(
        parsed_lenient=lenient.parsed,
        status_lenient=lenient.status,
        parsed_official=official.parsed,
        status_official=official.status,
        score_official=official.score,
        score_lenient=lenient.score,
    )
