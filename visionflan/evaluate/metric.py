"""The interface of metrics and benchmark rules: from a response to a score and a parse status."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

ParseStatus = Literal[
    "parsed",  # an answer was read
    "ambiguous",  # several exclusive answers can be read
    "unparsed",  # none of the possible answers can be read
    "refusal",  # the response declines to answer
    "empty",  # the response is empty
    "truncated",  # it was cut at the limit of tokens
    "list_echo",  # it repeats the list of possible answers
    "failed",  # there is no response, through no fault of the model: missing data
    "parser_failed",  # the rule raised an exception: missing data
    "unjudged",  # only an LLM judge can score it, and none did: missing data
    "judge_failed",  # the judge gave no usable verdict: missing data
]
# The statuses without a score.
MISSING: frozenset[ParseStatus] = frozenset({"failed", "parser_failed", "unjudged", "judge_failed"})

# How a response becomes a score: by the published rule, by one that ignores form, or, without
# reading it, by the candidate with the highest log-likelihood.
ParsingRule = Literal["official", "lenient"]
ScoringRule = ParsingRule | Literal["likelihood"]
PARSING_RULES: tuple[ParsingRule, ...] = ("official", "lenient")
RULES: tuple[ScoringRule, ...] = (*PARSING_RULES, "likelihood")


class DocumentFrequencies(NamedTuple):
    """In how many of a task's `documents` (the references of one item) each n-gram occurs."""

    documents: int
    counts: Mapping[tuple[str, ...], int]


class ScoringContext(NamedTuple):
    """The inputs of scoring a response: target, references, options and candidates."""

    target: str  # without the letter of an option
    references: tuple[str, ...]  # all accepted answers
    options: tuple[str, ...] = ()  # in the order of their letters
    candidates: tuple[str, ...] = ()  # all answers of a closed question
    frequencies: DocumentFrequencies | None = None  # for metrics that need them
    prompt: str = ""


class ParsedAnswer(NamedTuple):
    """A score (None: missing data), the answer that was read, and how well it could be read."""

    score: float | None
    parsed: str
    status: ParseStatus = "parsed"


AnswerScorer = Callable[[str, ScoringContext], ParsedAnswer]


class Metric(NamedTuple):
    """The two rules of a metric, and what the rest of the package must know of it.

    A metric is one file of `visionflan/evaluate/metrics/` that defines `METRIC`, and its name in
    `visionflan.vocabulary.MetricName`.
    """

    official: AnswerScorer  # the published definition, quirks included
    lenient: AnswerScorer  # asks only for the correct content
    label: str  # its name in text
    bounded: bool = True  # scores are between 0 and 1
    guessable: bool = False  # asks for one answer, right or wrong, that can be guessed
    needs_document_frequencies: bool = False
    # Shown next to the score, but not scores.
    diagnostics: Mapping[str, Callable[[str, ScoringContext], float]] = {}

    def rule(self, name: ParsingRule) -> AnswerScorer:
        """Return one of the two rules."""
        return self.official if name == "official" else self.lenient
