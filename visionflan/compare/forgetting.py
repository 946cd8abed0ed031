"""Tell what was forgotten apart from what is only said differently."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from visionflan.compare.differences import scored_pairs
from visionflan.compare.format_effects import likelihood
from visionflan.compare.headline_support import HeadlineIndex, direction_of, headline_agrees
from visionflan.compare.paired_bootstrap import cluster_sums, resample
from visionflan.compare.results import BeforeAfter, Pair
from visionflan.compare.subsets import Subset, headline_subsets
from visionflan.compare.yes_no_bias import accepted
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.metrics.answer_parsing import is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

NAME = "forgetting"
CONFUSIONS = 10
RIGHT = 1.0
SCORE, ECHO, OFF, ITEMS = range(4)


class Confusion(NamedTuple):
    """How often `predicted` was answered where `target` is right."""

    target: str
    predicted: str
    before: int
    after: int


class Forgetting(NamedTuple):
    """Lost knowledge of one task with a closed answer set, apart from reworded answers.

    Known means that the right candidate has the highest log-likelihood. The four counts are None
    where log-likelihoods were not computed.

    Attributes:
        task: benchmark or held-out task.
        prompt_style: style of the prompts.
        items: number of questions.
        forgotten: number known before and not after.
        learned: number known after and not before.
        retained: number known before and after.
        reformatted: those of `retained` that were answered rightly before and wrongly after.
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


def compute(panels: Sequence[Subset], scores: HeadlineIndex, /) -> list[Forgetting]:
    """Compare every benchmark and held-out task with a closed answer set."""
    found = (forgetting(panel, scores) for panel in headline_subsets(panels))
    return [lost for lost in found if lost]


def forgetting(panel: Subset, scores: HeadlineIndex) -> Forgetting | None:
    """Compare a task whose answers are a closed set of more than two; None for other tasks."""
    pairs = scored_pairs([pair for pair in panel.pairs if is_closed(pair.before)], "lenient")
    if not pairs or 2 * len(pairs) < len(panel.pairs):
        return None
    drawn = resample(cluster_sums(pairs, counts))

    def share(which: int) -> BeforeAfter:
        return drawn.shift(lambda totals: ratio(totals[..., which], totals[..., ITEMS]), 1.0)

    outcomes = outcome_counts(pairs)
    held = likelihood(pairs)
    told = Forgetting(
        panel.name,
        panel.prompt_style,
        len(pairs),
        *outcomes,
        generated=share(SCORE),
        likelihood=held,
        list_echo=share(ECHO),
        off_list=share(OFF),
        confusions=confusions(pairs),
        conclusion="",
    )
    return told._replace(conclusion=sentence(told, scores))


def is_closed(record: Record) -> bool:
    """Whether an answer is one of some that are known, and more than yes and no."""
    return bool(record.candidates or record.options) and not is_yes_or_no(accepted(record))


def counts(record: Record) -> Sequence[float]:
    """Count an answer: its score, the list said again, none of the list, and one item."""
    return (
        record.score_lenient or 0.0,
        record.status_lenient == "list_echo",
        record.status_lenient == "unparsed",
        1,
    )


Fates = tuple[int | None, int | None, int | None, int | None]


def outcome_counts(pairs: Sequence[Pair]) -> Fates:
    """Count what was forgotten, learnt, kept, and of that said right before and wrong after."""
    known = scored_pairs(pairs, "likelihood")
    if not known:
        return None, None, None, None
    held = Counter(
        (pair.before.score_likelihood == RIGHT, pair.after.score_likelihood == RIGHT)
        for pair in known
    )
    reformatted = sum(
        pair.before.score_likelihood == pair.after.score_likelihood == RIGHT
        and pair.flip("lenient") == "lost"
        for pair in known
    )
    return held[True, False], held[False, True], held[True, True], reformatted


def confusions(pairs: Sequence[Pair]) -> tuple[Confusion, ...]:
    """Give the wrong answers whose numbers changed most; options differ from item to item."""
    if any(pair.before.options for pair in pairs):
        return ()
    before = Counter(wrong(pair.before) for pair in pairs)
    after = Counter(wrong(pair.after) for pair in pairs)
    places = (before.keys() | after.keys()) - {None}
    found = [Confusion(*place, before[place], after[place]) for place in places if place]
    found.sort(key=lambda each: (-abs(each.after - each.before), each.target, each.predicted))
    return tuple(each for each in found[:CONFUSIONS] if each.after != each.before)


def wrong(record: Record) -> tuple[str, str] | None:
    """Give the right answer and the wrong one that was said, or why none was understood."""
    if record.score_lenient == RIGHT:
        return None
    said = record.parsed_lenient if record.status_lenient == "parsed" else ""
    if normalize_words(said) == normalize_words(record.target):
        return None
    return record.target, said or f"({record.status_lenient.replace('_', ' ')})"


def sentence(told: Forgetting, scores: HeadlineIndex) -> str:
    """Say whether knowledge was lost, or only another form of answer found."""
    if told.likelihood is None or told.retained is None:
        return "Without likelihoods what was forgotten cannot be told from what is said otherwise."
    numbers = (
        f"by likelihood {told.forgotten} were forgotten and {told.learned} learnt; "
        f"of {told.retained} kept, {told.reformatted} are now said wrongly"
    )
    by_words, by_heart = direction_of(told.generated.change), direction_of(told.likelihood.change)
    if by_heart is None or by_words is None:
        return f"There are too few items to tell: {numbers}."
    place = told.task, told.prompt_style
    knows = (
        "" if headline_agrees(scores, place, "likelihood", told.likelihood.change) else "perhaps "
    )
    says = "" if headline_agrees(scores, place, "lenient", told.generated.change) else "perhaps "
    if by_heart < 0:
        return f"Knowledge was {knows}lost: {numbers}."
    if by_words < 0:
        fewer = f"{says}fewer answers are said rightly".capitalize()
        return f"{fewer}, but no loss of knowledge is detectable: {numbers}."
    if by_heart > 0:
        return f"{f'{knows}more is known than before'.capitalize()}: {numbers}."
    return f"No loss of knowledge is detectable: {numbers}."
