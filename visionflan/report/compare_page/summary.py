"""Say in a few sentences what changed, and what so many questions cannot tell."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from visionflan.compare.format_effects import FormatSplit
from visionflan.compare.paired_bootstrap import answers_identical
from visionflan.compare.results import Comparison, Difference
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import ScoringRule
from visionflan.report.compare_page.examples import kind
from visionflan.report.number_format import format_interval, plain, signed, significance_class

# What a task or benchmark is called, from its name and the style of its prompts.
Title = Callable[[str, str], str]


class Names(NamedTuple):
    """What the two sides are called."""

    before: str
    after: str


class Summary(NamedTuple):
    """What changed in one line, and the sentences that follow it."""

    headline: str
    sentences: Sequence[str]


def names(found: Comparison) -> Names:
    """Call each side by what tells it from the other: phase, run or both, else the order."""
    before, after = found.before, found.after
    if (before.name, before.stage) == (after.name, after.stage):
        return Names(f"{before.stage} (before)", f"{after.stage} (after)")
    if before.name == after.name:
        return Names(before.stage, after.stage)
    if before.stage == after.stage:
        return Names(before.name, after.name)
    return Names(f"{before.name} {before.stage}", f"{after.name} {after.stage}")


def summarize(found: Comparison, rule: ScoringRule, title: Title) -> Summary:
    """Sum a comparison up."""
    called = names(found)
    if not found.pairs:
        return Summary(f"{called.before} and {called.after} share no question", [])
    family = [each for each in found.differences if each.headline and each.rule == rule]
    if unmoved(found):
        nothing = "Nothing" if answers_identical(found.pairs) else "No answer"
        return Summary(f"{nothing} changed from {called.before} to {called.after}", [alike(found)])
    sentences = [
        *overall(found, rule, title),
        *flip_sentences(found, rule),
        *formal(found.results_of(FormatSplit)),
    ]
    return Summary(
        headline(found.differences, rule, called), [*sentences, *undetectable(family, title)]
    )


def unmoved(found: Comparison) -> bool:
    """Whether all answers are the same on both sides."""
    return all(pair.before.answer == pair.after.answer for pair in found.pairs)


def alike(found: Comparison) -> str:
    """Say that all answers are the same."""
    return f"All {len(found.pairs):,} answers are the same, to the letter."


def headline(differences: Sequence[Difference], rule: ScoringRule, called: Names) -> str:
    """Say how an average moved, that over all tasks before others, and how many single scores."""
    begin = f"From {called.before} to {called.after}"
    family = [each for each in differences if each.headline and each.rule == rule]
    groups = [*averages(differences, rule), *suites(differences, rule)]
    if not family and not groups:
        return f"{begin}: no score can be compared"
    single = counted(family)
    average = next((each for each in groups if significance_class(each) != "unsure"), None)
    if average is None:
        return f"{begin}: {single or 'no change beyond what chance makes'}"
    over = f"the benchmarks of {average.name}" if average.name in SUITES else average.name
    moved = f"{signed(average.change, average.max)} points over {over}"
    return f"{begin}: {moved}; {single or 'no single score moved beyond what chance makes'}"


def counted(family: Sequence[Difference]) -> str:
    """Count the scores that rose, that fell, and that cannot be told; nothing if none moved."""
    sure = [each for each in family if significance_class(each) != "unsure"]
    rose = sum(each.change > 0 for each in sure)
    fell, left = len(sure) - rose, len(family) - len(sure)
    if not sure:
        return ""
    told = " and ".join([*([f"{rose} rose"] if rose else []), *([f"{fell} fell"] if fell else [])])
    more = f", {left} cannot be told from chance" if left else ""
    return f"of {len(family)} scores {told}{more}"


def averages(differences: Sequence[Difference], rule: ScoringRule) -> Iterator[Difference]:
    """Give the averages over held-out tasks; the first of them is that over all."""
    return (
        each
        for each in differences
        if each.scope == "group" and each.rule == rule and each.name not in SUITES
    )


def suites(differences: Sequence[Difference], rule: ScoringRule) -> Iterator[Difference]:
    """Give the averages over benchmarks."""
    return (
        each
        for each in differences
        if each.scope == "group" and each.rule == rule and each.name in SUITES
    )


def overall(found: Comparison, rule: ScoringRule, title: Title) -> Iterator[str]:
    """Say how the average over all held-out tasks changed, and those over benchmarks."""
    for each in islice(averages(found.differences, rule), 1):
        yield f"The average over {each.name} goes {change_sentence(each)}."
    for each in suites(found.differences, rule):
        name = title(each.name, each.prompt_style)
        yield f"The average over benchmarks of {name} goes {change_sentence(each)}."


def change_sentence(each: Difference) -> str:
    """Say from where to where a score goes, and by how much."""
    within = format_interval(each.low, each.high, each.max)
    told = f" (95 % interval {within})" if within else ""
    return (
        f"from {plain(each.before, each.max)} to {plain(each.after, each.max)}, a change of "
        f"{signed(each.change, each.max)} points{told}"
    )


def flip_sentences(found: Comparison, rule: ScoringRule) -> Iterator[str]:
    """Count the answers that turned right or wrong, and those that changed in form alone."""
    flips = Counter(pair.flip(rule) for pair in found.pairs)
    asked = flips.total() - flips[None]
    if flips["gained"] or flips["lost"]:
        yield (
            f"Of {asked:,} answers that are right or wrong, {flips['gained']:,} turned right and "
            f"{flips['lost']:,} turned wrong."
        )
    elif asked:
        yield f"None of {asked:,} answers turned from wrong to right or from right to wrong."
    in_form = sum(kind(pair, rule) == "format only" for pair in found.pairs)
    if in_form and rule == "official":
        yield f"{in_form:,} changed by their form alone, with the same content."
    elif in_form:
        yield f"By the official rule {in_form:,} more changed, by their form alone."


def formal(forms: Sequence[FormatSplit]) -> Iterator[str]:
    """Split the change of the official scores, averaged over tasks, into content and form."""
    forms = [each for each in forms if each.format.value is not None]
    split = [(each.official.change.value, each.content.value, each.format.value) for each in forms]
    whole = [(o, c, f) for o, c, f in split if o is not None and c is not None and f is not None]
    if not whole:
        return
    official, content, form = (sum(column) / len(whole) for column in zip(*whole, strict=True))
    if round(100 * official, 1) or round(100 * form, 1):
        yield (
            f"Averaged over {asked(forms)}, official scores of single answers change by "
            f"{signed(official)} points: {signed(content)} in content and "
            f"{signed(form)} in form."
        )


def asked(forms: Sequence[FormatSplit]) -> str:
    """Count held-out tasks and benchmarks, each in every style of its prompts."""
    tasks = len({each.task for each in forms if "/" in each.task})
    benchmarks = {each.task for each in forms if "/" not in each.task}
    styles = len(forms) - tasks
    told = [f"{tasks} task{'' if tasks == 1 else 's'}"] if tasks else []
    if benchmarks:
        said = f"{len(benchmarks)} benchmark{'' if len(benchmarks) == 1 else 's'}"
        told.append(said if styles == len(benchmarks) else f"{said} in {styles} styles of prompts")
    return " and ".join(told)


def undetectable(family: Sequence[Difference], title: Title) -> Iterator[str]:
    """Say how large a change must be to be seen with so many questions, and where that is open."""
    known = [each for each in family if each.min_detectable and each.max is not None]
    unknown = sum(not each.min_detectable for each in family)
    if not known:
        yield "There are too few questions to say how large a change would have to be to be seen."
        return
    finest, coarsest = (end(known, key=share) for end in (min, max))
    limits = [f"below {detectable(finest)} in {title(finest.name, finest.prompt_style)}"]
    if coarsest is not finest:
        limits.append(
            f"below {detectable(coarsest)} in {title(coarsest.name, coarsest.prompt_style)}"
        )
    if not unknown:
        yield f"With so many questions, true changes {', and '.join(limits)}, may go unseen."
        return
    yield (
        f"How large a true change must be to be seen can be said of {len(family) - unknown} of "
        f"{len(family)} scores: {', and '.join(limits)}, it may go unseen. Of the other {unknown} "
        "it cannot be said, because nothing moved or too little was asked."
    )


def share(each: Difference) -> float:
    """Give the smallest detectable change as a share of the best score."""
    return (each.min_detectable or 0.0) / (each.max or 100.0)


def detectable(each: Difference) -> str:
    """Write the smallest detectable change, with the scale where it is one of its own."""
    points = f"{plain(each.min_detectable, each.max)} points"
    return points if each.max is None or each.max == 1 else f"{points} of {each.max:,.0f}"
