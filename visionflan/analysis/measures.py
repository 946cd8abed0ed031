"""Measures that several studies share: numbers from the answers of an arm."""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from statistics import fmean

from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.measure import Measure
from visionflan.evaluate.aggregate.signal_detection import SignalDetection, signal_detection
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.answer_parsing import NO, YES, is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

BLANK = "blank"
REMEMBERED = 100_000  # answers


def mean_over_tasks(records: Iterable[Record], rule: ScoringRule = "lenient") -> float | None:
    """Return the mean over tasks of each task's mean score, from 0 to 1; None without scores.

    Tasks whose metric has no upper bound do not count.
    """
    return mean_of_tasks(
        (record.task, record.score(rule)) for record in records if METRICS[record.metric].bounded
    )


def mean_of_tasks(scores: Iterable[tuple[str, float | None]]) -> float | None:
    """Return the mean over tasks of the mean score of each; None without scores."""
    by_task = defaultdict[str, list[float]](list)
    for task, score in scores:
        if score is not None:
            by_task[task].append(score)
    return fmean(map(fmean, by_task.values())) if by_task else None


def difference(first: float | None, second: float | None) -> float | None:
    """Return `first` less `second`; None if one is missing."""
    return None if first is None or second is None else first - second


def held_out(outputs: ArmOutputs) -> float | None:
    """Return the score on tasks that were never trained on."""
    return mean_over_tasks(outputs.records(outputs.held_out_tasks))


def held_out_likelihood(outputs: ArmOutputs) -> float | None:
    """Return how often the right candidate is the most likely one, on held-out tasks."""
    return mean_over_tasks(outputs.records(outputs.held_out_tasks), "likelihood")


def trained(outputs: ArmOutputs) -> float | None:
    """Return the score on held-out images of tasks that could be trained on."""
    return mean_over_tasks(outputs.records(outputs.training_tasks))


def trained_likelihood(outputs: ArmOutputs) -> float | None:
    """Return how often the right candidate is the most likely one, on training tasks."""
    return mean_over_tasks(outputs.records(outputs.training_tasks), "likelihood")


def blank(outputs: ArmOutputs) -> float | None:
    """Return the score on training tasks with gray images."""
    return mean_over_tasks(outputs.records(outputs.training_tasks, BLANK))


def image_gap(outputs: ArmOutputs) -> float | None:
    """Return by how much true images score higher than gray ones, on training tasks."""
    return difference(trained(outputs), blank(outputs))


def official(outputs: ArmOutputs) -> float | None:
    """Return the score on training tasks by the published rules, which also read the form."""
    return mean_over_tasks(outputs.records(outputs.training_tasks), "official")


def form(outputs: ArmOutputs) -> float | None:
    """Return the share of answers to training tasks that are written as asked."""
    records = outputs.records(outputs.training_tasks)
    return fmean(r.status_lenient == "parsed" for r in records) if records else None


def closed(outputs: ArmOutputs) -> float | None:
    """Return the score on training tasks with a closed set of answers: capability."""
    records = [r for r in outputs.records(outputs.training_tasks) if r.chance_score is not None]
    return mean_over_tasks(records)


# Remembered, since intervals over questions ask for the same answers many times.
@lru_cache(maxsize=REMEMBERED)
def says_yes(answer: str) -> bool | None:
    """Return whether an answer is yes; None if it is neither yes nor no."""
    return {YES: True, NO: False}.get(normalize_words(answer))


@lru_cache(maxsize=REMEMBERED)
def expects_yes(references: tuple[str, ...]) -> bool | None:
    """Return whether the answer to a yes/no question is yes; None for other questions."""
    return says_yes(references[0]) if is_yes_or_no(references) else None


def detection(outputs: ArmOutputs) -> SignalDetection | None:
    """Return sensitivity and bias over all yes/no questions; None without parsed answers."""
    answered_yes, is_yes = [], []
    for record in outputs.records(condition=ORIGINAL):
        answer, truth = says_yes(record.parsed_lenient), expects_yes(record.references)
        if answer is not None and truth is not None:
            answered_yes.append(answer)
            is_yes.append(truth)
    return signal_detection(answered_yes, is_yes) if is_yes else None


def yes_rate(outputs: ArmOutputs) -> float | None:
    """Return the share of answers to yes/no questions that say yes."""
    rates = detection(outputs)
    return rates.yes_rate if rates else None


def sensitivity(outputs: ArmOutputs) -> float | None:
    """Return d' over all yes/no questions."""
    rates = detection(outputs)
    return rates.sensitivity if rates else None


HELD_OUT = Measure("held_out", "score on tasks that were never trained on", held_out)
HELD_OUT_LIKELIHOOD = Measure(
    "held_out_likelihood",
    "most likely answer right, on tasks that were never trained on",
    held_out_likelihood,
)
TRAINED = Measure("trained", "score on held-out images of training tasks", trained)
TRAINED_LIKELIHOOD = Measure(
    "trained_likelihood", "most likely answer right, on training tasks", trained_likelihood
)
BLANK_IMAGES = Measure("blank", "score on training tasks with gray images", blank)
IMAGE_GAP = Measure("image_gap", "true less gray images, on training tasks", image_gap)
OFFICIAL = Measure("official", "score on training tasks by the published rules", official)
FORM = Measure("form", "answers written as asked, on training tasks", form)
CLOSED = Measure("closed", "score on closed questions of training tasks", closed)
YES_RATE = Measure("yes_rate", "answers that say yes, of yes/no questions", yes_rate)
SENSITIVITY = Measure("sensitivity", "d′ of yes/no questions", sensitivity)
