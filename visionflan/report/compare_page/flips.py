"""Classify how each answer changed from before to after."""

from collections.abc import Mapping
from typing import Literal

from visionflan.compare.results import AnswerPair
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

FlipKind = Literal[
    "gained",
    "lost",
    "improved",
    "worsened",
    "different error",
    "format only",
    "both right",
    "same error",
    "same score",
    "missing",
    "conversation",
]
# The kinds that the page shows, in order, each with its label and meaning.
CHANGED: Mapping[FlipKind, tuple[str, str]] = {
    "gained": ("Gained", "wrong before, right after"),
    "lost": ("Lost", "right before, wrong after"),
    "improved": ("Improved", "a higher partial score after than before"),
    "worsened": ("Worsened", "a lower partial score after than before"),
    "different error": ("Different error", "wrong before and after, with different answers"),
    "format only": (
        "Format only",
        "the same content; only the score under the official rule changed",
    ),
    "conversation": (
        "Conversation",
        "a different response to a conversational question, which is not scored as right or wrong",
    ),
}


def flip_kind(pair: AnswerPair, rule: ScoringRule) -> FlipKind:
    """Classify a pair of responses by their scores under one rule.

    Under the official rule a change is one of format if the lenient score is unchanged. Under the
    other rules a pair with an unchanged score is one of format if the official score changed.
    """
    before, after = pair.before.score(rule), pair.after.score(rule)
    if before is None or after is None:
        return "missing"
    format_only = is_format_only(pair)
    if before == after or (rule == "official" and format_only):
        return "format only" if format_only else unchanged_kind(pair, before)
    is_full_flip = {before, after} == {0.0, 1.0}
    if after > before:
        return "gained" if is_full_flip else "improved"
    return "lost" if is_full_flip else "worsened"


def is_format_only(pair: AnswerPair) -> bool:
    """Return whether the official score changed and the lenient score did not."""
    before, after = pair
    if before.score_official == after.score_official:
        return False
    return before.score_lenient == after.score_lenient and None not in (
        before.score_official,
        after.score_official,
        before.score_lenient,
    )


def unchanged_kind(pair: AnswerPair, score: float) -> FlipKind:
    """Classify a pair of responses with the same score."""
    if score == 1.0:
        return "both right"
    if score > 0.0:
        return "same score"
    is_same = parsed_words(pair.before) == parsed_words(pair.after)
    return "same error" if is_same else "different error"


def parsed_words(record: Record) -> str:
    """Return the normalized parsed answer, or the complete response if nothing was parsed."""
    return normalize_words(record.parsed_lenient or record.response)
