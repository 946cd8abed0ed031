"""Tell bias apart from ability, form from content, forgetting from rewording, and manner."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from markupsafe import Markup

from visionflan.compare.forgetting import Forgetting
from visionflan.compare.format_effects import FormatSplit
from visionflan.compare.headline_support import HeadlineIndex
from visionflan.compare.response_style import ResponseStyle
from visionflan.compare.results import BeforeAfter, Pair
from visionflan.compare.yes_no_bias import YesNoBias
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record
from visionflan.report.charts import histogram, stack
from visionflan.report.compare_page.charts import Arrow, Change, change_bar, parts_bar, plane
from visionflan.report.compare_page.summary import Names, Title
from visionflan.report.number_format import signed, tone
from visionflan.report.run_page.response_style import BINS, STATUS_LABELS, binned

MEAN = "accuracy"  # what benchmarks call the mean over single answers
COUNTED = ("words", "sentences")  # the other figures of a manner are shares of the answers


class BiasPanel(NamedTuple):
    """The yes/no tasks with their titles, and all of them in the plane of bias and ability."""

    rows: Sequence[tuple[str, YesNoBias]]
    drawing: Markup | None


def biases(found: Sequence[YesNoBias], title: Title) -> BiasPanel:
    """Draw every yes/no task as a step in the plane of bias and ability.

    Parts of benchmarks come last, and before them what changed its bias most comes first.
    """
    whole = {bias.task for bias in found}
    found = sorted(
        found,
        key=lambda bias: (
            bias.task.split("/", maxsplit=1)[0] in whole - {bias.task},
            -abs(bias.criterion.change.value or 0.0),
        ),
    )
    rows = [(title(bias.task, bias.prompt_style), bias) for bias in found]
    arrows = [arrow for name, bias in rows if (arrow := step(name, bias))]
    words = "; ".join(f"{arrow.name}: {told(arrow)}" for arrow in arrows)
    return BiasPanel(rows, plane(arrows, f"Bias and ability. {words}") if arrows else None)


def step(title: str, bias: YesNoBias) -> Arrow | None:
    """Give the step of a task; None where ability is not defined."""
    ends = bias.criterion.before, bias.sensitivity.before, bias.criterion.after
    c, d, to_c, to_d = (figure.value for figure in (*ends, bias.sensitivity.after))
    if c is None or d is None or to_c is None or to_d is None:
        return None
    return Arrow(title, (c, d), (to_c, to_d))


def told(arrow: Arrow) -> str:
    """Say where a step begins and ends."""
    (c, d), (to_c, to_d) = arrow.before, arrow.after
    return f"c {c:.2f} to {to_c:.2f}, d′ {d:.2f} to {to_d:.2f}"


class FormRow(NamedTuple):
    """A task whose change is split into content and form, and the drawing of both.

    `headline` names what stands for the task where that is no mean over single answers.
    """

    title: str
    form: FormatSplit
    drawing: Markup
    headline: str


def forms(found: Sequence[FormatSplit], title: Title, scores: HeadlineIndex) -> list[FormRow]:
    """Draw what the change of each task is made of, on one axis; most form comes first."""
    found = sorted(found, key=lambda form: -abs(form.format.value or 0.0))
    values = [parts(form) for form in found]
    reach = max((abs(value) for row in values for _, value in row), default=0.0)
    return [
        FormRow(
            title(form.task, form.prompt_style),
            form,
            parts_bar(row, reach, ", ".join(f"{name} {signed(value)}" for name, value in row)),
            other_headline(form, scores),
        )
        for form, row in zip(found, values, strict=True)
    ]


def parts(form: FormatSplit) -> list[tuple[str, float]]:
    """Give the change of the official score and its two parts."""
    named = {
        "official": form.official.change.value,
        "content": form.content.value,
        "form": form.format.value,
    }
    return [(name, value) for name, value in named.items() if value is not None]


def other_headline(form: FormatSplit, scores: HeadlineIndex) -> str:
    """Name the headline of a benchmark where it is more than the mean over single answers."""
    score = scores.get((form.task, form.prompt_style, "official"))
    is_mean = score is None or score.scope == "task" or score.measure == MEAN
    return "" if score is None or is_mean else score.measure


class ForgettingRow(NamedTuple):
    """A closed task, and what became of what was known, as shares of its questions."""

    title: str
    forgetting: Forgetting
    shares: Mapping[str, float]
    drawing: Markup | None


def forgettings(found: Sequence[Forgetting], title: Title) -> list[ForgettingRow]:
    """Draw what became of what was known of each task; most forgotten comes first."""
    found = sorted(found, key=lambda each: -(each.forgotten or 0) / max(1, each.items))
    return [forgetting(title(each.task, each.prompt_style), each) for each in found]


def forgetting(title: str, told: Forgetting) -> ForgettingRow:
    """Split the questions of a task by what the model knew before and after."""
    known, worded = told.retained, told.reformatted
    if known is None or worded is None or told.forgotten is None or told.learned is None:
        return ForgettingRow(title, told, {}, None)
    counts = {
        "kept": known - worded,
        "reformatted": worded,
        "forgotten": told.forgotten,
        "learned": told.learned,
        "never": told.items - known - told.forgotten - told.learned,
    }
    shares = {name: count / max(1, told.items) for name, count in counts.items() if count}
    words = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items())
    return ForgettingRow(title, told, shares, stack(shares, f"{title}: {words}", 190))


class MannerRow(NamedTuple):
    """One figure of how answers are written; `is_share` tells it from a count."""

    name: str
    shift: BeforeAfter
    is_share: bool
    drawing: Markup | None


def manners(found: Sequence[ResponseStyle]) -> list[tuple[ResponseStyle, list[MannerRow]]]:
    """Draw how the manner of each benchmark's answers changed."""
    return [(manner, list(manner_rows(manner))) for manner in found]


def manner_rows(manner: ResponseStyle) -> Iterator[MannerRow]:
    """Give the figures of a manner; shares are drawn on one axis."""
    for name, shift in manner.metrics.items():
        value, low, high = shift.change
        drawn = None
        if name not in COUNTED and value is not None:
            change = Change(value, low, high, f"{tone(shift.change)} manner")
            drawn = change_bar(change, 1.0, f"{name}: {signed(value)} points")
        yield MannerRow(name, shift, name not in COUNTED, drawn)


def lengths(pairs: Sequence[Pair]) -> Markup:
    """Draw how long answers are before and after."""
    shares = {
        kind: binned([len(record.answer.split()) for record in records])
        for kind, records in by_side(pairs).items()
    }
    return histogram(shares, list(BINS), "Share of answers, in per cent, by their number of words")


def by_side(pairs: Sequence[Pair]) -> dict[str, list[Record]]:
    """Give the answers of each side under the name of its colour."""
    return {
        "first": [pair.before for pair in pairs],
        "second": [pair.after for pair in pairs],
    }


class Outcome(NamedTuple):
    """What became of the answers of one side."""

    name: str
    words: str
    drawing: Markup


def outcomes(pairs: Sequence[Pair], names: Names) -> list[Outcome]:
    """Tell how well the answers of each side were understood."""
    return [
        outcome(name, records) for name, records in zip(names, by_side(pairs).values(), strict=True)
    ]


def outcome(name: str, records: Sequence[Record]) -> Outcome:
    """Tell how well the answers of one side were understood."""
    statuses = Counter(record.status for record in records)
    shares = {s: statuses[s] / len(records) for s in get_args(ParseStatus) if statuses[s]}
    words = ", ".join(
        f"{100 * share:.0f} % {STATUS_LABELS[status]}" for status, share in shares.items()
    )
    return Outcome(name, words, stack(shares, f"{name}: {words}"))
