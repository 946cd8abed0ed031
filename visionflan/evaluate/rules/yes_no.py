"""Score yes/no questions: the lenient rule, and ratios such as F1 and the yes-rate."""

from collections.abc import Callable, Sequence

from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, RecordFilter, ratio
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.metrics.answer_parsing import NO, YES, read_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

CANDIDATES = ("Yes", "No")
# LLaVA-1.5's instruction for short answers.
SHORT_ANSWER = "\nAnswer the question using a single word or phrase."

# What an answer adds to the numerator and the denominator of a ratio.
Ratio = Callable[[Record, ScoringRule], tuple[float, float]]


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Accept yes or no in any wording."""
    parsed = read_yes_or_no(answer)
    return parsed if parsed.score is not None else score_label(parsed.parsed, question)


def score_label(label: str, question: ScoringContext) -> ParsedAnswer:
    """Score a parsed label."""
    return ParsedAnswer(float(label == normalize_words(question.target)), label)


def yes_fraction(record: Record, rule: ScoringRule) -> float:
    """Return 1 if the answer, as a rule parses it, is yes, else 0.

    Candidates that tie share it. Where nothing was answered, the imputed score, which bounds the
    effect of missing data, decides.
    """
    if rule == "likelihood" and record.logprobs:
        best = max(record.logprobs)
        pairs = zip(record.candidates, record.logprobs, strict=True)
        top = [normalize_words(candidate) for candidate, logprob in pairs if logprob == best]
        return top.count(YES) / len(top)
    if is_inferred_from_score(record, rule):
        return float(bool(record.score(rule)) == is_yes(record))
    return float(parsed_answer(record, rule) == YES)


def is_inferred_from_score(record: Record, rule: ScoringRule) -> bool:
    """Return whether no answer was parsed, so that only the score says what it was."""
    status = record.status_official if rule == "official" else record.status_lenient
    return rule == "likelihood" or status == "failed"


def parsed_answer(record: Record, rule: ScoringRule) -> str:
    """Return what a rule parsed: yes, no, or something else."""
    return record.parsed_official if rule == "official" else record.parsed_lenient


def is_yes(record: Record) -> bool:
    """Return whether yes is correct."""
    return normalize_words(record.target) == YES


def ratio_measure(
    name: str,
    terms: Ratio,
    record_filter: RecordFilter = lambda record: True,
    *,
    stratify_by_task: bool = False,
) -> AggregateMetric:
    """Return a ratio of two sums over the answers that have a score."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        return sum_ratio(records, rule, terms)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(
        name, cluster_sums, from_totals, stratify_by_task=stratify_by_task, filter=record_filter
    )


def sum_ratio(records: Sequence[Record], rule: ScoringRule, terms: Ratio) -> tuple[float, float]:
    """Sum the numerators and the denominators of the answers that have a score."""
    pairs = [terms(record, rule) for record in records if record.score(rule) is not None]
    return sum(numerator for numerator, _ in pairs), sum(denominator for _, denominator in pairs)


def yes_rate(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the answers that say yes, of those parsed as yes or no."""
    is_parsed = is_inferred_from_score(record, rule) or parsed_answer(record, rule) in (YES, NO)
    return yes_fraction(record, rule), float(is_parsed)


def accuracy(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the correct answers, of all."""
    return record.score(rule) or 0.0, 1


def precision(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the answers where yes is correct, of those that say yes."""
    yes = yes_fraction(record, rule)
    return yes * is_yes(record), yes


def recall(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the answers that say yes, of those where yes is correct."""
    return yes_fraction(record, rule) * is_yes(record), is_yes(record)


def f1(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count for F1 = 2 hits / (answers that say yes + questions where yes is correct).

    In this form it is 0, not undefined, where no answer says yes.
    """
    yes = yes_fraction(record, rule)
    return 2 * yes * is_yes(record), yes + is_yes(record)
