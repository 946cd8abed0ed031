"""Score one answer: what every metric shares is decided here, the rest by the task's metric."""

from collections.abc import Mapping

from visionflan.errors import EvaluationError, VisionflanError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.metric import (
    DocumentFrequencies,
    Metric,
    ParsedAnswer,
    ParsingRule,
    ScoringContext,
)
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.normalization import is_refusal, normalize_words
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record


def metric_of(name: str) -> Metric:
    """Give a metric, or the rules of a benchmark, by name."""
    if name in METRICS:
        return METRICS[name]
    if name in benchmarks.names():
        return benchmarks.load(name).metric
    raise EvaluationError(
        f"there is no metric and no benchmark {name!r}: metrics are {', '.join(METRICS)}, "
        f"benchmarks {', '.join(benchmarks.names())}"
    )


def score_answer(
    name: str, answer: str, question: ScoringContext, rule: ParsingRule, *, cut: bool = False
) -> ParsedAnswer:
    """Score an answer by a metric and a rule; `cut` says that the limit of tokens ended it.

    An answer without words scores nothing and says why; one that was cut is scored for what it
    says, but its status tells; one that scores nothing and declines to answer is a refusal. Where
    there are options the answer is a choice, whatever the metric of the task.
    """
    if name not in METRICS:
        return score_by_benchmark(metric_of(name), answer, question, rule, cut=cut)
    if not answer.strip():
        return ParsedAnswer(0.0, "", "truncated" if cut else "empty")
    chosen = METRICS["exact_match" if question.options else name]
    verdict = chosen.rule(rule)(answer, question)
    if cut:
        return verdict._replace(status="truncated")
    if not verdict.score and is_refusal(answer):
        return verdict._replace(status="refusal")
    return verdict


def score_by_benchmark(
    rules: Metric, answer: str, question: ScoringContext, rule: ParsingRule, *, cut: bool
) -> ParsedAnswer:
    """Score an answer as a benchmark does, whose official rule sees whatever was said, or nothing.

    What was not understood is told more closely where that is known; the score stays.
    """
    verdict = rules.rule(rule)(answer, question)
    if verdict.score is None or verdict.status != "unparsed":
        return verdict
    if not answer.strip():
        return verdict._replace(status="truncated" if cut else "empty")
    if is_refusal(answer):
        return verdict._replace(status="refusal")
    return verdict._replace(status="truncated") if cut else verdict


def score_record(record: Record, question: ScoringContext, rule: ParsingRule) -> ParsedAnswer:
    """Score the answer of a record; where the rule breaks on it, that is missing data."""
    cut = record.finish_reason == "length"
    try:
        return score_answer(record.metric, record.response, question, rule, cut=cut)
    except VisionflanError:
        raise
    except Exception as fault:  # a rule may be anybody's, and one answer may not end the rest
        return ParsedAnswer(None, f"{type(fault).__name__}: {fault}"[:200], "parser_failed")


def likelihood_score(record: Record) -> float | None:
    """Score the candidate that the model holds likeliest; candidates that tie share the score."""
    if not record.logprobs:
        return None
    best = max(record.logprobs)
    places = [place for place, each in enumerate(record.logprobs) if each == best]
    return sum(is_right(record, place) for place in places) / len(places)


def is_right(record: Record, place: int) -> bool:
    """Whether the candidate at a place is the right answer."""
    if record.options:
        return record.options[place] == record.target
    said = normalize_words(record.candidates[place])
    return any(said == normalize_words(each) for each in record.references)


class Scorer:
    """Scores the records of an evaluation, knowing its tasks and the frozen frequencies."""

    def __init__(
        self, tasks: Mapping[str, TaskHeader], frequencies: Mapping[str, DocumentFrequencies]
    ) -> None:
        self.tasks, self.frequencies = tasks, frequencies

    def question(self, record: Record) -> ScoringContext:
        """Give what decides whether an answer to this item is right."""
        known = self.tasks[record.task].candidates
        return ScoringContext(
            record.target,
            record.references,
            record.options,
            known if record.metric in METRICS else record.candidates,
            self.frequencies.get(record.task),
            record.prompt,
        )

    def scored(self, record: Record) -> Record:
        """Score a record by every rule; one without an answer stays missing data."""
        if record.error:
            return unscored(record)
        question = self.question(record)
        official = score_record(record, question, "official")
        rules = metric_of(record.metric)
        lenient = official
        if record.options or rules.official != rules.lenient:
            lenient = score_record(record, question, "lenient")
        return record._replace(
            parsed_lenient=lenient.parsed,
            status_lenient=lenient.status,
            parsed_official=official.parsed,
            status_official=official.status,
            scored_by="rule",
            score_official=official.score,
            score_lenient=lenient.score,
            score_likelihood=likelihood_score(record),
            reference_score=None,
        )

    def majority(self, record: Record) -> float | None:
        """Score the answer that training saw most, by the lenient rule."""
        if record.majority_answer is None:
            return None
        return score_answer(
            record.metric, record.majority_answer, self.question(record), "lenient"
        ).score


def unscored(record: Record) -> Record:
    """Mark a record that has no answer as missing data."""
    return record._replace(
        parsed_lenient="",
        status_lenient="failed",
        parsed_official="",
        status_official="failed",
        scored_by="rule",
        score_official=None,
        score_lenient=None,
        score_likelihood=None,
        reference_score=None,
    )
