"""Score one answer: what all metrics share is here, the rest is in the task's metric."""

from collections.abc import Mapping
from math import isfinite, isnan

from visionflan.catalog import unknown_name_error
from visionflan.errors import VisionflanError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.metric import (
    DocumentFrequencies,
    Metric,
    ParsedAnswer,
    ParsingRule,
    ScoringContext,
)
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.exact_match import METRIC as CHOICE
from visionflan.evaluate.metrics.normalization import is_refusal, normalize_words
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record


def metric_of(name: str) -> Metric:
    """Return a metric, or the rules of a benchmark, by name."""
    if name in METRICS:
        return METRICS[name]
    if name in benchmarks.names():
        return benchmarks.load(name).metric
    known = [*METRICS, *benchmarks.names()]
    raise unknown_name_error("metric or benchmark", name, known, f"there is {', '.join(known)}")


def score_answer(
    name: str,
    answer: str,
    context: ScoringContext,
    rule: ParsingRule,
    *,
    truncated: bool = False,
) -> ParsedAnswer:
    """Score an answer under one rule. `truncated`: generation stopped at max_new_tokens.

    An empty answer scores 0. A truncated answer is scored for what it says; one that scores 0 and
    declines to answer is a refusal; the status says so. An answer to a question with options is
    scored as a choice, whatever the metric of the task.
    """
    if name not in METRICS:
        return score_by_benchmark(metric_of(name), answer, context, rule, truncated=truncated)
    if not answer.strip():
        return ParsedAnswer(0.0, "", "truncated" if truncated else "empty")
    metric = CHOICE if context.options else METRICS[name]
    parsed = metric.rule(rule)(answer, context)
    if truncated:
        return parsed._replace(status="truncated")
    if not parsed.score and is_refusal(answer):
        return parsed._replace(status="refusal")
    return parsed


def score_by_benchmark(
    metric: Metric, answer: str, context: ScoringContext, rule: ParsingRule, *, truncated: bool
) -> ParsedAnswer:
    """Score an answer under a benchmark's rule, which sees every answer, empty ones too.

    An unparsed answer keeps its score; its status says why if that is known.
    """
    parsed = metric.rule(rule)(answer, context)
    if parsed.score is None or parsed.status != "unparsed":
        return parsed
    if not answer.strip():
        return parsed._replace(status="truncated" if truncated else "empty")
    if is_refusal(answer):
        return parsed._replace(status="refusal")
    return parsed._replace(status="truncated") if truncated else parsed


def score_record(record: Record, context: ScoringContext, rule: ParsingRule) -> ParsedAnswer:
    """Score the response of a record; without a finite score of the rule it is missing data."""
    truncated = record.finish_reason == "length"
    try:
        parsed = score_answer(record.metric, record.response, context, rule, truncated=truncated)
    except VisionflanError:
        raise
    except Exception as error:  # rules can be third-party code
        return ParsedAnswer(None, f"{type(error).__name__}: {error}"[:200], "parser_failed")
    if parsed.score is None or isfinite(parsed.score):
        return parsed
    return ParsedAnswer(None, f"its score is {parsed.score}", "parser_failed")


def likelihood_score(record: Record) -> float | None:
    """Return the score of the candidate with the highest log-likelihood; ties share the score.

    None without log-likelihoods, or where weights that overflow left no number to compare.
    """
    if not record.logprobs or any(map(isnan, record.logprobs)):
        return None
    best = max(record.logprobs)
    if not isfinite(best):
        return None
    indices = [index for index, logprob in enumerate(record.logprobs) if logprob == best]
    return sum(is_correct(record, index) for index in indices) / len(indices)


def is_correct(record: Record, index: int) -> bool:
    """Return whether the candidate at an index is a correct answer."""
    if record.options:
        return record.options[index] == record.target
    candidate = normalize_words(record.candidates[index])
    return any(candidate == normalize_words(reference) for reference in record.references)


class Scorer:
    """Score the records of an evaluation, given its tasks and stored document frequencies."""

    def __init__(
        self, tasks: Mapping[str, TaskHeader], frequencies: Mapping[str, DocumentFrequencies]
    ) -> None:
        self.tasks, self.frequencies = tasks, frequencies

    def context(self, record: Record) -> ScoringContext:
        """Return the inputs of scoring an answer to the item."""
        is_of_task = record.metric in METRICS and not record.options
        return ScoringContext(
            record.target,
            record.references,
            record.options,
            self.tasks[record.task].candidates if is_of_task else record.candidates,
            self.frequencies.get(record.task),
            record.prompt,
        )

    def score(self, record: Record) -> Record:
        """Return a record with its scores under every rule; an error stays missing data."""
        if record.error:
            return clear_scores(record)
        context = self.context(record)
        official = score_record(record, context, "official")
        metric = metric_of(record.metric)
        lenient = official
        if record.options or metric.official != metric.lenient:
            lenient = score_record(record, context, "lenient")
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
        """Return the lenient score of the majority answer; None if there is none."""
        if record.majority_answer is None:
            return None
        return score_answer(
            record.metric, record.majority_answer, self.context(record), "lenient"
        ).score


def clear_scores(record: Record) -> Record:
    """Return a record without an answer as missing data."""
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
