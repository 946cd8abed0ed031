"""Compare two sides: join their answers, and tell all that changed."""

from collections.abc import Iterator, Mapping, Sequence

from visionflan.compare.analyses import ANALYSES
from visionflan.compare.differences import adjust_and_conclude, of_benchmark, of_task
from visionflan.compare.headline_support import index_headlines
from visionflan.compare.join import Joined, join, side
from visionflan.compare.results import ComparedModel, Comparison, Difference, Evaluation
from visionflan.compare.serialize import to_json
from visionflan.compare.subsets import Subset, by_benchmark, by_task
from visionflan.compare.suites import of_suites
from visionflan.compare.task_groups import of_groups
from visionflan.evaluate.records.header import TaskHeader

__all__ = ["compare", "to_json"]


def compare(before: Sequence[Evaluation], after: Sequence[Evaluation]) -> Comparison:
    """Compare the answers of two checkpoints to the same questions."""
    sides = side(before), side(after)
    joined = join(before, after)
    tasks = {
        task: told
        for evaluation in (*before, *after)
        for task, told in evaluation.header.tasks.items()
    }
    panels = by_benchmark(joined.pairs)
    single = [each for panel in panels for each in differences(panel, tasks)]
    found = adjust_and_conclude([*single, *of_suites(panels)])
    headlines = index_headlines(found)
    return Comparison(
        before=sides[0],
        after=sides[1],
        pairs=joined.pairs,
        only_before=joined.only_before,
        only_after=joined.only_after,
        missing=joined.missing,
        differences=found,
        analyses={analysis.NAME: analysis.compute(panels, headlines) for analysis in ANALYSES},
        notes=list(notes(sides[0], sides[1], joined)),
    )


def differences(panel: Subset, tasks: Mapping[str, TaskHeader]) -> Iterator[Difference]:
    """Compare a benchmark by its measures, or held-out tasks and their groups by mean scores."""
    if panel.name:
        yield from of_benchmark(panel.name, panel.prompt_style, panel.pairs)
        return
    held_out = by_task(panel)
    names = {task.name for task in held_out}
    asked = {task: told for task, told in tasks.items() if task in names}
    yield from of_groups(asked, panel.prompt_style, panel.pairs)
    for task in held_out:
        yield from of_task(tasks[task.name], task.prompt_style, task.pairs)


def notes(before: ComparedModel, after: ComparedModel, joined: Joined) -> Iterator[str]:
    """Say what a reader must know before reading any number."""
    if before.checkpoint == after.checkpoint:
        yield "Both sides are the same checkpoint: whatever differs comes from how it was asked."
    for word, alone in (("before", joined.only_before), ("after", joined.only_after)):
        if alone:
            yield (
                f"{sum(alone.values()):,} items were asked of the side {word} only and are left "
                f"out: {listed(alone)}."
            )
    if joined.missing:
        yield (
            f"Of {sum(joined.missing.values()):,} items an answer failed; they are left out: "
            f"{listed(joined.missing)}."
        )


def listed(counts: Mapping[str, int]) -> str:
    """Name tasks with their numbers, and how many there are beyond the first few."""
    told = ", ".join(f"{task} {count:,}" for task, count in list(counts.items())[:5])
    return told + (f" and {len(counts) - 5} more tasks" if len(counts) > 5 else "")
