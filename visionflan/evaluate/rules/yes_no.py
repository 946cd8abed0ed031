"""Questions of yes or no: what an answer says, and measures of how often it says yes."""

from collections.abc import Callable, Sequence

from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, RecordFilter, ratio
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.metrics.answer_parsing import NO, YES, read_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

CANDIDATES = ("Yes", "No")
# What LLaVA-1.5 asks of every short answer.
SHORT_ANSWER = "\nAnswer the question using a single word or phrase."

# What an answer adds above and below the line of a ratio.
Share = Callable[[Record, ScoringRule], tuple[float, float]]


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Take yes or no however it is said."""
    read = read_yes_or_no(answer)
    return read if read.score is not None else score_label(read.parsed, question)


def score_label(label: str, question: ScoringContext) -> ParsedAnswer:
    """Score a label that was understood."""
    return ParsedAnswer(float(label == normalize_words(question.target)), label)


def said_yes(record: Record, rule: ScoringRule) -> float:
    """Tell 1 where the answer, as a rule understands it, is yes, whatever the truth is, else 0.

    Candidates that tie share it. Where nothing was answered, a score that was supposed, to find
    what missing data could change, tells what was said.
    """
    if rule == "likelihood" and record.logprobs:
        best = max(record.logprobs)
        pairs = zip(record.candidates, record.logprobs, strict=True)
        likeliest = [normalize_words(candidate) for candidate, logprob in pairs if logprob == best]
        return likeliest.count(YES) / len(likeliest)
    if is_supposed(record, rule):
        return float(bool(record.score(rule)) == is_yes(record))
    return float(understood(record, rule) == YES)


def is_supposed(record: Record, rule: ScoringRule) -> bool:
    """Whether no answer was read, so that only a score tells what is to be taken for said."""
    status = record.status_official if rule == "official" else record.status_lenient
    return rule == "likelihood" or status == "failed"


def understood(record: Record, rule: ScoringRule) -> str:
    """Give what a rule that reads words understood: yes, no, or nothing of use."""
    return record.parsed_official if rule == "official" else record.parsed_lenient


def is_yes(record: Record) -> bool:
    """Whether yes is right."""
    return normalize_words(record.target) == YES


def ratio_measure(
    name: str,
    of: Share,
    where: RecordFilter = lambda record: True,
    *,
    stratify_by_task: bool = False,
) -> AggregateMetric:
    """Measure a ratio of two sums over the answers that have a score."""

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        return sum_ratio(records, rule, of)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(
        name, cluster_sums, from_totals, stratify_by_task=stratify_by_task, filter=where
    )


def sum_ratio(records: Sequence[Record], rule: ScoringRule, of: Share) -> tuple[float, float]:
    """Sum up what the answers that have a score add above and below the line."""
    shares = [of(record, rule) for record in records if record.score(rule) is not None]
    return sum(above for above, _ in shares), sum(below for _, below in shares)


def yes_rate(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the answers that say yes among those of which yes or no was understood."""
    told = is_supposed(record, rule) or understood(record, rule) in (YES, NO)
    return said_yes(record, rule), float(told)


def accuracy(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count the right answers among all."""
    return record.score(rule) or 0.0, 1


def precision(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count those where yes is right among those that say yes."""
    yes = said_yes(record, rule)
    return yes * is_yes(record), yes


def recall(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count those that say yes among those where yes is right."""
    return said_yes(record, rule) * is_yes(record), is_yes(record)


def f1(record: Record, rule: ScoringRule) -> tuple[float, float]:
    """Count for F1, which is twice the hits over what said yes and what is yes together.

    In this form it is 0, not undefined, where yes is never said.
    """
    yes = said_yes(record, rule)
    return 2 * yes * is_yes(record), yes + is_yes(record)
