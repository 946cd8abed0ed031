"""Response style: length, how responses were parsed, and stylistic features."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from visionflan.compare.analyses.response_style import SHARES, ResponseStyle
from visionflan.compare.results import AnswerPair, BeforeAfter
from visionflan.evaluate.records.record import Record
from visionflan.report.answer_status import (
    length_histogram,
    status_bar,
    status_shares,
    status_text,
)
from visionflan.report.compare_page.charts import Change, change_bar
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, model_names
from visionflan.report.number_format import interval_class, signed


class StyleRow(NamedTuple):
    """One feature of the responses before and after."""

    name: str
    shift: BeforeAfter
    is_share: bool
    chart: Markup | None


class StyleTable(NamedTuple):
    """The features of the responses to one benchmark, or to all held-out tasks."""

    style: ResponseStyle
    rows: Sequence[StyleRow]


class ParseOutcome(NamedTuple):
    """The parse statuses of the responses of one model."""

    name: str
    series: str
    statuses: str
    chart: Markup


class ResponseStyleView(NamedTuple):
    """The values that the panel shows."""

    lengths: Markup
    outcomes: Sequence[ParseOutcome]
    tables: Sequence[StyleTable]


def response_style(report: ComparisonReport) -> ResponseStyleView | None:
    """Compare the response style of both models; None if they have no question in common."""
    comparison = report.comparison
    if not comparison.pairs:
        return None
    records = by_model(comparison.pairs)
    names = model_names(comparison)
    return ResponseStyleView(
        lengths=length_histogram(records),
        outcomes=[
            parse_outcome(name, series, responses)
            for name, (series, responses) in zip(names, records.items(), strict=True)
        ],
        tables=[
            StyleTable(style, list(style_rows(style)))
            for style in comparison.results_of(ResponseStyle)
        ],
    )


def style_rows(style: ResponseStyle) -> Iterator[StyleRow]:
    """Return the features of a response style; shares are drawn on one axis."""
    for name, shift in style.metrics.items():
        value, low, high = shift.change
        is_share = name in SHARES
        chart = None
        if is_share and value is not None:
            change = Change(value, low, high, f"{interval_class(shift.change)} neutral")
            chart = change_bar(change, 1.0, f"{name}: {signed(value)} points")
        yield StyleRow(name, shift, is_share, chart)


def by_model(pairs: Sequence[AnswerPair]) -> dict[str, list[Record]]:
    """Return the responses of each model under its CSS class."""
    return {
        "first": [pair.before for pair in pairs],
        "second": [pair.after for pair in pairs],
    }


def parse_outcome(name: str, series: str, records: Sequence[Record]) -> ParseOutcome:
    """Summarize how the responses of one model were parsed."""
    shares = status_shares(records)
    return ParseOutcome(name, series, status_text(shares), status_bar(name, shares))


PANEL = Panel(title="Response style", link="Response style", order=60, view=response_style)
