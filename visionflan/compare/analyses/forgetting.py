"""Distinguish lost knowledge from reworded answers, for questions with a closed answer set."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from visionflan.compare import conclusions
from visionflan.compare.analyses.format_effects import likelihood_score
from visionflan.compare.analyses.yes_no_bias import accepted_answers
from visionflan.compare.conclusions import verb
from visionflan.compare.differences import scored_pairs
from visionflan.compare.evidence import WIDE, evidence
from visionflan.compare.headline_support import HeadlineIndex, headline_agrees
from visionflan.compare.paired_sums import sum_pairs_by_cluster
from visionflan.compare.results import AnswerPair, BeforeAfter
from visionflan.compare.subsets import Subset, headline_subsets
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.metrics.answer_parsing import is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

NAME = "forgetting"
MAX_CONFUSIONS = 10
RIGHT = 1.0
SCORE, LIST_ECHO, OFF_LIST, ITEMS = range(4)


class Confusion(NamedTuple):
    """The number of times `predicted` was answered where `target` is correct."""

    target: str
    predicted: str
    before: int
    after: int


class Forgetting(NamedTuple):
    """Lost knowledge of one task with a closed answer set, apart from reworded answers.

    Known means that the correct candidate has the highest log-likelihood. The four counts are None
    where log-likelihoods were not computed.

    Attributes:
        task: benchmark or held-out task.
        prompt_style: style of the prompts.
        items: number of questions.
        forgotten: number known before and not after.
        learned: number known after and not before.
        retained: number known before and after.
        reformatted: those of `retained` that were answered correctly before and wrongly after.
        generated: score of the generated answers under the lenient rule.
        likelihood: score of the candidate with the highest log-likelihood.
        list_echo: share of answers that repeat the list of candidates.
        off_list: share of answers that name no candidate.
        confusions: wrong answers whose frequency changed most.
        conclusion: the result in words.
    """

    task: str
    prompt_style: str
    items: int
    forgotten: int | None
    learned: int | None
    retained: int | None
    reformatted: int | None
    generated: BeforeAfter
    likelihood: BeforeAfter | None
    list_echo: BeforeAfter
    off_list: BeforeAfter
    confusions: tuple[Confusion, ...]
    conclusion: str


class OutcomeCounts(NamedTuple):
    """The counts of `Forgetting`; all None without log-likelihoods."""

    forgotten: int | None = None
    learned: int | None = None
    retained: int | None = None
    reformatted: int | None = None


def compute(subsets: Sequence[Subset], headlines: HeadlineIndex, /) -> list[Forgetting]:
    """Compare every benchmark and held-out task with a closed answer set."""
    results = (forgetting(subset, headlines) for subset in headline_subsets(subsets))
    return [result for result in results if result]


def forgetting(subset: Subset, headlines: HeadlineIndex) -> Forgetting | None:
    """Compare a task with a closed set of more than two answers; None for other tasks."""
    closed = [pair for pair in subset.pairs if is_closed(pair.before)]
    pairs = scored_pairs(closed, "lenient")
    if not pairs or 2 * len(pairs) < len(subset.pairs):
        return None
    sums = sum_pairs_by_cluster(pairs, counts)

    def share(column: int) -> BeforeAfter:
        return sums.before_after(lambda t: ratio(t[..., column], t[..., ITEMS]), 1.0)

    result = Forgetting(
        task=subset.name,
        prompt_style=subset.prompt_style,
        items=len(pairs),
        **outcome_counts(pairs)._asdict(),
        generated=share(SCORE),
        likelihood=likelihood_score(pairs),
        list_echo=share(LIST_ECHO),
        off_list=share(OFF_LIST),
        confusions=confusions(pairs),
        conclusion="",
    )
    return result._replace(conclusion=conclude(result, headlines))


def is_closed(record: Record) -> bool:
    """Return whether the answer set is closed and more than yes and no."""
    return bool(record.candidates or record.options) and not is_yes_or_no(accepted_answers(record))


def counts(record: Record) -> Sequence[float]:
    """Return the columns that are summed, in the order of `SCORE` to `ITEMS`."""
    return (
        record.score_lenient or 0.0,
        record.status_lenient == "list_echo",
        record.status_lenient == "unparsed",
        1,
    )


def outcome_counts(pairs: Sequence[AnswerPair]) -> OutcomeCounts:
    """Count items by whether they were known before and after, by log-likelihood."""
    scored = scored_pairs(pairs, "likelihood")
    if not scored:
        return OutcomeCounts()
    known = Counter(
        (pair.before.score_likelihood == RIGHT, pair.after.score_likelihood == RIGHT)
        for pair in scored
    )
    reformatted = sum(
        pair.before.score_likelihood == pair.after.score_likelihood == RIGHT
        and pair.flip("lenient") == "lost"
        for pair in scored
    )
    return OutcomeCounts(known[True, False], known[False, True], known[True, True], reformatted)


def confusions(pairs: Sequence[AnswerPair]) -> tuple[Confusion, ...]:
    """Return the wrong answers whose frequency changed most; none if options vary by item."""
    if any(pair.before.options for pair in pairs):
        return ()
    before = Counter(wrong_answer(pair.before) for pair in pairs)
    after = Counter(wrong_answer(pair.after) for pair in pairs)
    results = [
        Confusion(*answer, before[answer], after[answer])
        for answer in before.keys() | after.keys()
        if answer
    ]
    results.sort(key=lambda c: (-abs(c.after - c.before), c.target, c.predicted))
    return tuple(c for c in results[:MAX_CONFUSIONS] if c.after != c.before)


def wrong_answer(record: Record) -> tuple[str, str] | None:
    """Return the target and the wrong prediction, or its parse status; None if it is correct."""
    if record.score_lenient == RIGHT:
        return None
    prediction = record.parsed_lenient if record.status_lenient == "parsed" else ""
    if normalize_words(prediction) == normalize_words(record.target):
        return None
    return record.target, prediction or f"({record.status_lenient.replace('_', ' ')})"


def conclude(result: Forgetting, headlines: HeadlineIndex) -> str:
    """Return whether knowledge was lost, or only the wording changed."""
    if result.likelihood is None or result.retained is None:
        return conclusions.FORGETTING_WITHOUT_LOGPROBS
    task = result.task, result.prompt_style
    in_likelihood = headline_agrees(headlines, *task, "likelihood", result.likelihood.change)
    in_answers = headline_agrees(headlines, *task, "lenient", result.generated.change)
    knowledge = evidence(result.likelihood.change, confirmed=in_likelihood, wide=WIDE)
    answers = evidence(result.generated.change, confirmed=in_answers, wide=WIDE)
    numbers = conclusions.FORGETTING_NUMBERS.format(**result._asdict())
    if knowledge.direction is None or answers.direction is None:
        return conclusions.FORGETTING_UNCLEAR.format(numbers=numbers)
    sentence = next(
        sentence
        for of_knowledge, of_answers, sentence in conclusions.FORGETTING_SENTENCES
        if of_knowledge in (None, knowledge.direction) and of_answers in (None, answers.direction)
    )
    return sentence.format(knowledge=verb(knowledge), answers=verb(answers), numbers=numbers)
