"""Summarize a comparison in a headline and a few sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from visionflan.compare.analyses.format_effects import FormatSplit
from visionflan.compare.results import Comparison, Difference
from visionflan.evaluate.aggregate.paired import has_same_answer
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import ScoringRule
from visionflan.plural import counted
from visionflan.report.compare_page.flips import flip_kind
from visionflan.report.compare_page.report import ModelNames, Title, model_names
from visionflan.report.number_format import format_interval, plain, signed, significance_class


class Summary(NamedTuple):
    """The change in one line, and the sentences that follow it."""

    headline: str
    sentences: Sequence[str]


def summarize(comparison: Comparison, rule: ScoringRule, title: Title) -> Summary:
    """Summarize a comparison under one rule."""
    names = model_names(comparison)
    if not comparison.pairs:
        return Summary(f"{names.before} and {names.after} have no question in common", [])
    if all(pair.before.response == pair.after.response for pair in comparison.pairs):
        subject = (
            "Nothing" if all(has_same_answer(*pair) for pair in comparison.pairs) else "No response"
        )
        sentence = f"All {counted(len(comparison.pairs), 'response')} are identical."
        return Summary(f"{subject} changed from {names.before} to {names.after}", [sentence])
    sentences = [
        *average_sentences(comparison.differences, rule, title),
        *flip_sentences(comparison, rule),
        *format_sentences(comparison.results_of(FormatSplit)),
        *detectability_sentences(headline_scores(comparison.differences, rule), title),
    ]
    return Summary(headline(comparison.differences, rule, names), sentences)


def headline_scores(differences: Sequence[Difference], rule: ScoringRule) -> list[Difference]:
    """Return the headline scores of tasks and benchmarks under one rule."""
    return [score for score in differences if score.headline and score.rule == rule]


def headline(differences: Sequence[Difference], rule: ScoringRule, names: ModelNames) -> str:
    """Write which average changed (over all tasks first), and how many single scores did."""
    start = f"From {names.before} to {names.after}"
    scores = headline_scores(differences, rule)
    averages = [*task_averages(differences, rule), *suite_averages(differences, rule)]
    if not scores and not averages:
        return f"{start}: no score can be compared"
    counts = count_changes(scores)
    changed = (score for score in averages if significance_class(score) != "inconclusive")
    average = next(changed, None)
    if average is None:
        return f"{start}: {counts or 'no significant change'}"
    over = f"the benchmarks of {average.name}" if average.name in SUITES else average.name
    change = f"{signed(average.change, average.max)} points over {over}"
    return f"{start}: {change}; {counts or 'no single score changed significantly'}"


def count_changes(scores: Sequence[Difference]) -> str:
    """Count the scores that increased and decreased significantly; "" if none did."""
    classes = Counter[str](significance_class(score) for score in scores)
    inconclusive = classes.pop("inconclusive", 0)
    if not classes:
        return ""
    counts = [
        f"{classes[name]} {verb}"
        for name, verb in (("increase", "increased"), ("decrease", "decreased"))
        if classes[name]
    ]
    rest = f"; {inconclusive} did not change significantly" if inconclusive else ""
    total = f"{counted(len(scores), 'score')}"
    return f"of {total}, {' and '.join(counts)}{rest}"


def task_averages(differences: Sequence[Difference], rule: ScoringRule) -> Iterator[Difference]:
    """Return the averages over held-out tasks; the first is that over all."""
    return (
        score
        for score in differences
        if score.scope == "group" and score.rule == rule and score.name not in SUITES
    )


def suite_averages(differences: Sequence[Difference], rule: ScoringRule) -> Iterator[Difference]:
    """Return the averages over benchmarks."""
    return (
        score
        for score in differences
        if score.scope == "group" and score.rule == rule and score.name in SUITES
    )


def average_sentences(
    differences: Sequence[Difference], rule: ScoringRule, title: Title
) -> Iterator[str]:
    """Write how the average over all held-out tasks and those over benchmarks changed."""
    for score in islice(task_averages(differences, rule), 1):
        yield f"The average over {score.name} changes {change_sentence(score)}."
    for score in suite_averages(differences, rule):
        name = title(score.name, score.prompt_style)
        yield f"The average over the benchmarks of {name} changes {change_sentence(score)}."


def change_sentence(difference: Difference) -> str:
    """Write both scores, and the change with its interval."""
    maximum = difference.max
    interval = "too few images for an interval"
    if difference.low is not None:
        interval = f"95 % CI {format_interval(difference.low, difference.high, maximum)}"
    return (
        f"from {plain(difference.before, maximum)} to {plain(difference.after, maximum)}, by "
        f"{signed(difference.change, maximum)} points ({interval})"
    )


def flip_sentences(comparison: Comparison, rule: ScoringRule) -> Iterator[str]:
    """Count the answers that were gained and lost, and those that changed only in format."""
    flips = Counter(pair.flip(rule) for pair in comparison.pairs)
    total = flips.total() - flips[None]
    if flips["gained"] or flips["lost"]:
        yield (
            f"Of {counted(total, 'answer')} scored as right or wrong, {flips['gained']:,} changed "
            f"from wrong to right and {flips['lost']:,} from right to wrong."
        )
    elif total:
        yield f"None of {counted(total, 'answer')} changed between right and wrong."
    format_only = sum(flip_kind(pair, rule) == "format only" for pair in comparison.pairs)
    if format_only and rule == "official":
        yield f"{format_only:,} changed only in format, with the same content."
    elif format_only:
        yield f"Under the official rule, {format_only:,} changed only in format."


def format_sentences(splits: Sequence[FormatSplit]) -> Iterator[str]:
    """Split the change of the official scores, averaged over tasks, into content and format."""
    complete = [
        (split, official, content, form)
        for split in splits
        if (official := split.official.change.value) is not None
        and (content := split.content.value) is not None
        and (form := split.format.value) is not None
    ]
    if not complete:
        return
    tasks, *changes = zip(*complete, strict=True)
    official, content, form = (sum(values) / len(complete) for values in changes)
    if round(100 * official, 1) or round(100 * form, 1):
        yield (
            f"Averaged over {count_tasks(tasks)}, official scores of single answers change "
            f"by {signed(official)} points: {signed(content)} from content and "
            f"{signed(form)} from format."
        )


def count_tasks(splits: Sequence[FormatSplit]) -> str:
    """Count held-out tasks and benchmarks, and the prompt styles of benchmarks."""
    tasks = len({split.task for split in splits if "/" in split.task})
    benchmarks = len({split.task for split in splits if "/" not in split.task})
    styles = len(splits) - tasks
    counts = [counted(tasks, "task")] if tasks else []
    if benchmarks:
        count = counted(benchmarks, "benchmark")
        counts.append(count if styles == benchmarks else f"{count} in {styles} prompt styles")
    return " and ".join(counts)


def detectability_sentences(scores: Sequence[Difference], title: Title) -> Iterator[str]:
    """Write the smallest and largest minimum detectable change, and of how many it is unknown."""
    known = [score for score in scores if score.min_detectable]
    unknown = len(scores) - len(known)
    if not known:
        yield "There are too few questions to estimate the minimum detectable change."
        return
    comparable = [score for score in known if score.max is not None] or known
    finest, coarsest = min(comparable, key=relative_min), max(comparable, key=relative_min)
    limits = [f"{min_detectable(finest)} in {title(finest.name, finest.prompt_style)}"]
    if coarsest is not finest:
        limits.append(
            f"{min_detectable(coarsest)} in {title(coarsest.name, coarsest.prompt_style)}"
        )
    if not unknown:
        yield (
            f"With this many questions, the minimum detectable change is {' to '.join(limits)}; "
            "smaller changes may go undetected."
        )
        return
    yield (
        f"The minimum detectable change is known for {len(known)} of "
        f"{counted(len(scores), 'score')}: {' to '.join(limits)}. For the other {unknown} it "
        "cannot be estimated, because no answer changed or there are too few questions."
    )


def relative_min(difference: Difference) -> float:
    """Return the minimum detectable change as a share of the maximum score."""
    return (difference.min_detectable or 0.0) / (difference.max or 100.0)


def min_detectable(difference: Difference) -> str:
    """Format the minimum detectable change, with the maximum score if it is not 100 points."""
    maximum = difference.max
    points = f"{plain(difference.min_detectable, maximum)} points"
    return points if maximum is None or maximum == 1 else f"{points} (of {maximum:,.0f})"
