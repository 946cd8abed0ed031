"""What a metric is told, and what it says: a score, what was understood, and how well."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

ParseStatus = Literal[
    "parsed",  # the answer was understood
    "ambiguous",  # it can be read in several ways that exclude each other
    "unparsed",  # it says something that is none of the possible answers
    "refusal",  # it declines to answer
    "empty",  # it says nothing
    "truncated",  # it was cut off at the limit of tokens
    "list_echo",  # it says the list of possible answers again
    "failed",  # nothing was answered, through no fault of the model: missing data
    "parser_failed",  # the rule itself broke on it: missing data
    "unjudged",  # only a judge can score it, and none was asked: missing data
    "judge_failed",  # the judge gave no usable verdict: missing data
]
# With these there is no score.
MISSING: frozenset[ParseStatus] = frozenset({"failed", "parser_failed", "unjudged", "judge_failed"})

# How an answer becomes a score: by the rule that others publish, by one that asks only for the
# right content, or, without reading it, by which of the closed answers the model holds likeliest.
ParsingRule = Literal["official", "lenient"]
ScoringRule = ParsingRule | Literal["likelihood"]
PARSING_RULES: tuple[ParsingRule, ...] = ("official", "lenient")
RULES: tuple[ScoringRule, ...] = (*PARSING_RULES, "likelihood")


class DocumentFrequencies(NamedTuple):
    """In how many of the `documents` of a task each run of words occurs, for CIDEr."""

    documents: int
    counts: Mapping[tuple[str, ...], int]


class ScoringContext(NamedTuple):
    """What decides whether an answer is right.

    `target` is written without its letter; `references` hold every accepted answer; `options` are
    in the order of their letters; `candidates` are all answers that a closed question can have;
    `words` are those of the prompt, for the few rules that look there.
    """

    target: str
    references: tuple[str, ...]
    options: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    frequencies: DocumentFrequencies | None = None
    words: str = ""


class ParsedAnswer(NamedTuple):
    """A score, or None where there is nothing to score; what was understood; and how well."""

    score: float | None
    parsed: str
    status: ParseStatus = "parsed"


class Metric(NamedTuple):
    """The two rules of a metric, whether its scores lie between 0 and 1, and what else to show.

    `official` is the definition that others publish, quirks kept; `lenient` asks only for the
    right content, whatever its form. `diagnostics` are shown beside a score and are no scores.
    """

    official: Callable[[str, ScoringContext], ParsedAnswer]
    lenient: Callable[[str, ScoringContext], ParsedAnswer]
    bounded: bool = True
    diagnostics: Mapping[str, Callable[[str, ScoringContext], float]] = {}

    def rule(self, name: ParsingRule) -> Callable[[str, ScoringContext], ParsedAnswer]:
        """Give one of the two rules."""
        return self.official if name == "official" else self.lenient
