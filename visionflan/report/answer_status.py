"""Parse status and length of responses: labels, shares and charts of both pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from markupsafe import Markup

from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record
from visionflan.report.charts import histogram, stacked_bar

STATUS_LABELS: dict[str, str] = {
    "parsed": "parsed",
    "ambiguous": "ambiguous (several answers)",
    "unparsed": "not parsed (none of the possible answers)",
    "refusal": "refusal",
    "empty": "empty",
    "truncated": "truncated at the token limit",
    "list_echo": "repeats the list of options",
    "failed": "failed (missing data)",
    "parser_failed": "parser error (missing data)",
    "unjudged": "not judged (missing data)",
    "judge_failed": "judgment failed (missing data)",
}
# The largest number of words in each bin of the histogram of response lengths.
LENGTH_BINS = {"1": 1, "2": 2, "3–4": 4, "5–8": 8, "9–16": 16, "17–32": 32, "33+": 10**9}


def status_shares(records: Sequence[Record]) -> dict[str, float]:
    """Compute the share of responses with each parse status; a status without any is absent."""
    counts = Counter(record.status_lenient for record in records)
    return {s: counts[s] / len(records) for s in get_args(ParseStatus) if counts[s]}


def status_text(shares: Mapping[str, float]) -> str:
    """Write the shares of parse statuses as a list."""
    return ", ".join(f"{100 * share:.0f} % {STATUS_LABELS[name]}" for name, share in shares.items())


def status_bar(name: str, shares: Mapping[str, float]) -> Markup:
    """Draw the shares of parse statuses of one model as a stacked bar."""
    return stacked_bar(shares, f"How the responses of {name} were parsed: {status_text(shares)}")


def length_shares(lengths: Sequence[int]) -> list[float]:
    """Compute the share of lengths in each bin."""
    counts = Counter(
        next(label for label, end in LENGTH_BINS.items() if length <= end) for length in lengths
    )
    return [counts[label] / max(1, len(lengths)) for label in LENGTH_BINS]


def length_histogram(records: Mapping[str, Sequence[Record]]) -> Markup:
    """Draw the word counts of the responses of each series (`first`, `second`, ...)."""
    shares = {
        series: length_shares([len(record.response.split()) for record in group])
        for series, group in records.items()
    }
    return histogram(shares, list(LENGTH_BINS), "Share of responses (%) by number of words")
