"""Compare two models: load their evaluations, join the answers, compute all results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.compare.analyses import load_all
from visionflan.compare.differences import adjust_and_conclude, compare_benchmark, compare_task
from visionflan.compare.headline_support import index_headlines
from visionflan.compare.human_scores import compare_humans, find_persons, is_human
from visionflan.compare.inputs import find_inputs, open_sources, read_evaluations
from visionflan.compare.join import JoinedAnswers, describe_model, join
from visionflan.compare.results import (
    ComparedModel,
    Comparison,
    Difference,
    Evaluation,
    HumanResults,
)
from visionflan.compare.serialize import to_json
from visionflan.compare.subsets import Subset, by_benchmark, by_task
from visionflan.compare.suites import compare_suites
from visionflan.compare.task_groups import compare_groups
from visionflan.evaluate.records.header import HUMAN, TaskHeader
from visionflan.evaluate.requests import Source
from visionflan.plural import counted

__all__ = ["LoadedComparison", "compare", "load_comparison", "to_json"]

MAX_NAMED_TASKS = 5  # of those in a note


class LoadedComparison(NamedTuple):
    """A comparison with the evaluations and the data that it was made from."""

    comparison: Comparison
    evaluations: Sequence[Evaluation]
    sources: Sequence[Source]  # builds and benchmark releases that hold the images
    missing_sources: Sequence[str]  # why others could not be opened


def load_comparison(
    before: Path, after: Path | None = None, answers: Path | None = None
) -> LoadedComparison:
    """Compare two paths, or the first stage of a single run with its last.

    `answers`: the directory of answers of further persons.
    """
    inputs = find_inputs(before, after)
    first, second = read_evaluations(inputs.before), read_evaluations(inputs.after)
    persons = [] if answers is None else find_persons(answers)
    evaluations = [*first, *second]
    sources, missing = open_sources(evaluations)
    return LoadedComparison(compare(first, second, persons), evaluations, sources, missing)


def compare(
    before: Sequence[Evaluation],
    after: Sequence[Evaluation],
    persons: Sequence[Evaluation] = (),
) -> Comparison:
    """Compare the answers of two models to the same questions, beside those of persons."""
    models = describe_model(before), describe_model(after)
    joined = join(before, after)
    tasks = {
        task: header
        for evaluation in (*before, *after)
        for task, header in evaluation.header.tasks.items()
    }
    subsets = by_benchmark(joined.pairs)
    single = [difference for subset in subsets for difference in differences(subset, tasks)]
    tested = adjust_and_conclude([*single, *compare_suites(subsets)])
    headlines = index_headlines(tested)
    return Comparison(
        before=models[0],
        after=models[1],
        pairs=joined.pairs,
        only_before=joined.only_before,
        only_after=joined.only_after,
        missing=joined.missing,
        differences=tested,
        analyses={analysis.NAME: analysis.compute(subsets, headlines) for analysis in load_all()},
        notes=[
            *notes(models[0], models[1], joined),
            *engine_notes([*before, *after]),
            *overlap_notes([*before, *after], joined),
        ],
        humans=humans_of(before, after, persons),
    )


def humans_of(
    before: Sequence[Evaluation], after: Sequence[Evaluation], persons: Sequence[Evaluation]
) -> HumanResults:
    """Return the results of persons: of the sides that are some, and of further ones."""
    sides = {"before": before, "after": after}
    models = {label: side for label, side in sides.items() if not is_human(side[0])}
    own = [evaluation for evaluation in (*before, *after) if is_human(evaluation)]
    return compare_humans([*own, *persons], models)


def differences(subset: Subset, tasks: Mapping[str, TaskHeader]) -> Iterator[Difference]:
    """Yield the changes of a benchmark's measures, or of held-out tasks and their groups."""
    if subset.name:
        yield from compare_benchmark(subset.name, subset.prompt_style, subset.pairs)
        return
    held_out = by_task(subset)
    names = {task.name for task in held_out}
    headers = {task: header for task, header in tasks.items() if task in names}
    yield from compare_groups(headers, subset.prompt_style, subset.pairs)
    for task in held_out:
        yield from compare_task(tasks[task.name], task.prompt_style, task.pairs)


def notes(before: ComparedModel, after: ComparedModel, joined: JoinedAnswers) -> Iterator[str]:
    """Yield what to know before reading any number."""
    if before.checkpoint == after.checkpoint:
        yield (
            "Both sides are the same checkpoint; any difference comes from the evaluation settings."
        )
    for side, counts in (("before", joined.only_before), ("after", joined.only_after)):
        if counts:
            yield (
                f"Excluded: {counted(sum(counts.values()), 'item')} evaluated only on the “{side}” "
                f"side: {format_counts(counts)}."
            )
    if joined.missing:
        yield (
            f"Excluded: {counted(sum(joined.missing.values()), 'item')} without an answer on one "
            f"side, because an error occurred: {format_counts(joined.missing)}."
        )


def engine_notes(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Yield which models have no log-likelihoods, and whether the engines differ."""
    models = {
        f"{evaluation.header.run} ({evaluation.header.stage})": evaluation.header.model
        for evaluation in evaluations
    }
    for name, model in models.items():
        if model.no_likelihoods:
            yield (
                f"{name}: {model.no_likelihoods}. Measures by log-likelihood exist for one model "
                "at most, and are not compared."
            )
    computed = {name: model.engine for name, model in models.items() if model.engine != HUMAN}
    if len(set(computed.values())) > 1:
        engines = ", ".join(f"{name} by {engine}" for name, engine in computed.items())
        yield (
            f"The answers were computed by different engines ({engines}), whose numerics and chat "
            "templates may differ: a small change may come from that."
        )


def overlap_notes(evaluations: Sequence[Evaluation], joined: JoinedAnswers) -> Iterator[str]:
    """Yield how many questions are about images trained on, and of which models it is not known."""
    unknown: dict[str, None] = {}
    limits = " Only questions that both models were asked are compared."
    for header in (evaluation.header for evaluation in evaluations):
        model = f"{header.run} ({header.stage})"
        if header.overlap.included and header.overlap.questions:
            name = header.benchmark or "held-out tasks"
            end = limits if joined.only_before or joined.only_after else ""
            yield f"{model}, {name}: {header.overlap.describe()}{end}"
        elif not header.overlap.known and header.stage != HUMAN:
            unknown[model] = None
    if unknown:
        yield (
            f"Whether images of these questions were trained on is not known of "
            f"{' and '.join(unknown)}: no complete record of the training images is there."
        )


def format_counts(counts: Mapping[str, int]) -> str:
    """Return the first tasks with their counts, and the number of other tasks."""
    text = ", ".join(f"{task} {count:,}" for task, count in list(counts.items())[:MAX_NAMED_TASKS])
    others = len(counts) - MAX_NAMED_TASKS
    return text + (f" and {counted(others, 'more task')}" if others > 0 else "")
