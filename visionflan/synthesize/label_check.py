"""Find the label of a row in a written answer, by the scoring rule of the row's task."""

import re
from typing import Literal

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.answer_parsing import is_yes_or_no
from visionflan.evaluate.metrics.label_search import find_labels
from visionflan.evaluate.scorer import score_answer
from visionflan.synthesize.contexts import ContextRow

# A denial some words before a label: `The sign does not say exit`.
DENIED_BEFORE = r"(?:\bnot|\bnever|n['\u2019]t)(?: (?!but\b)\w+){{0,3}} [\"']?{label}"
# What takes a label back although the rule of a task reads it: `The car is anything but red.`
OPPOSITE = r"\banything but {label}\b"
LEADING = re.compile(r"\s*(yes|no),", re.IGNORECASE)  # of `No, I cannot find one.`
# `found`: the answer has the label. `other`: it has another one. `unclear`: it has none.
LabelStatus = Literal["found", "other", "unclear"]


def check_label(answer: str, row: ContextRow) -> LabelStatus:
    """Return whether an answer has the label of a row, by the lenient rule of its task.

    Where the question is open, that rule takes the whole answer for a label. A label that is a part
    of a sentence is therefore also found if it occurs as complete words, is not denied, and scores
    as much as the target by the same rule.
    """
    context = ScoringContext(
        row.instance.target or row.references[0],
        row.references,
        row.instance.options,
        row.candidates,
        prompt=row.instance.prompt,
    )
    if is_yes_or_no(row.references) and (leading := LEADING.match(answer)):
        answer = leading[1]
    if any(
        re.search(OPPOSITE.format(label=re.escape(label)), answer, re.IGNORECASE)
        for label in row.references
    ):
        return "other"
    needed = score(context.target, row, context).score or 0.0
    read = score(answer, row, context)
    if read.score and read.score >= needed:
        return "found"
    if is_closed(row):
        return "other" if read.status == "parsed" and read.parsed else "unclear"
    labels = [
        label
        for label in find_labels(answer, row.references)
        if not re.search(DENIED_BEFORE.format(label=re.escape(label)), answer, re.IGNORECASE)
    ]
    scores = [score(label, row, context).score or 0.0 for label in labels]
    return "found" if scores and max(scores) >= needed else "other"


def score(answer: str, row: ContextRow, context: ScoringContext) -> ParsedAnswer:
    """Return the score of an answer by the lenient rule of a row's task."""
    return score_answer(row.instance.metric, answer, context, "lenient")


def is_closed(row: ContextRow) -> bool:
    """Return whether the rule of a row's task can read which of several answers is meant."""
    return bool(row.instance.options or row.candidates) or is_yes_or_no(row.references)
