"""Tell how each phase answers, apart from what is right: lengths, forms, and yes or no."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from markupsafe import Markup

from visionflan.evaluate.metric import ParseStatus
from visionflan.report.charts import PHASES, Mark, dots, histogram, stack
from visionflan.report.run_page.inputs import StageEvaluation

BINS = {"1": 1, "2": 2, "3–4": 4, "5–8": 8, "9–16": 16, "17–32": 32, "33+": 10**9}
STATUS_LABELS = {
    "parsed": "understood",
    "ambiguous": "names several answers at once",
    "unparsed": "is none of the possible answers",
    "refusal": "declines to answer",
    "empty": "says nothing",
    "truncated": "was cut off at the limit of tokens",
    "list_echo": "says the list of possible answers again",
    "failed": "was never given: missing data, in no score",
    "parser_failed": "broke the rule that was to read it: missing data, in no score",
    "unjudged": "needs a judge, and had none: missing data, in no score",
    "judge_failed": "got no verdict of its judge: missing data, in no score",
}


class ResponseStyle(NamedTuple):
    """How one phase answers: lengths in words, and the shares of what became of its answers."""

    phase: str
    kind: str
    lengths: Mapping[str, float]
    shares: Mapping[str, float]
    drawing: Markup


class YesRow(NamedTuple):
    """A yes/no task: the truth, and what each phase said."""

    task: str
    title: str
    truth: float
    questions: int
    phases: Sequence[Mapping[str, Any] | None]
    drawing: Markup


def styles(evaluated: Sequence[StageEvaluation]) -> list[ResponseStyle]:
    """Tell how each phase answers."""
    return [style(each, kind) for each, kind in zip(evaluated, PHASES, strict=False)]


def style(each: StageEvaluation, kind: str) -> ResponseStyle:
    """Tell how one phase answers to true pictures."""
    statuses = Counter(record.status for record in each.under("true"))
    shares = {s: statuses[s] / statuses.total() for s in get_args(ParseStatus) if statuses[s]}
    told = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items())
    return ResponseStyle(
        each.phase,
        kind,
        each.scores["lengths"],
        shares,
        stack(shares, f"What became of the answers of {each.phase}: {told}"),
    )


def length_chart(evaluated: Sequence[StageEvaluation]) -> Markup:
    """Draw how long the answers of each phase are."""
    shares = {
        kind: binned([len(record.answer.split()) for record in each.under("true")])
        for kind, each in zip(PHASES, evaluated, strict=False)
    }
    return histogram(shares, list(BINS), "Share of answers, in per cent, by their number of words")


def binned(lengths: Sequence[int]) -> list[float]:
    """Give the share of lengths in each bin."""
    counts = Counter(next(b for b, end in BINS.items() if length <= end) for length in lengths)
    return [counts[label] / max(1, len(lengths)) for label in BINS]


def yes_rows(evaluated: Sequence[StageEvaluation]) -> list[YesRow]:
    """Tell of each yes/no task how often the truth and each phase are yes."""
    rows = []
    last = evaluated[-1].scores["tasks"]
    for task, told in last.items():
        phases = [each.scores["tasks"].get(task, {}).get("yes") for each in evaluated]
        if told["yes"] and told["yes"]["understood"]:
            truth = told["yes"]["truth"]
            drawn = drawing(task, truth, phases)
            rows.append(YesRow(task, told["title"], truth, told["yes"]["of"], phases, drawn))
    return rows


def drawing(task: str, truth: float, phases: Sequence[Mapping[str, Any] | None]) -> Markup:
    """Draw the yes-rates of a task."""
    marks = [
        Mark(kind, yes["yes_rate"], yes["low"], yes["high"])
        for kind, yes in zip(PHASES, phases, strict=False)
        if yes and yes["understood"]
    ]
    said = ", ".join(f"{mark.value:.2f}" for mark in marks)
    title = f"{task}: the share of yes is {truth:.2f} in truth and {said} in the answers"
    return dots([*marks, Mark("truth", truth)], title)
