"""How what a study notes of its arms goes with their headline measure, over runs.

Arms differ in many ways at once. Within an arm, replicates are draws that are alike in all that the
study varies on purpose, and differ in what was drawn: there a correlation asks the claim again.
Both are exploratory, and decide nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, fmean
from typing import NamedTuple

from visionflan.analysis.arm_results import ArmSummary

MIN_RUNS = 4  # for a correlation that is not 1 almost by itself


class NotedRun(NamedTuple):
    """A run of an arm: a note, and the measure."""

    arm: str
    note: float
    measure: float


@dataclass(frozen=True, kw_only=True)
class NoteCorrelation:
    """The correlations (Pearson's) of a note with a measure.

    Attributes:
        note: its name.
        measure: the name of the measure.
        runs: the number of runs that have both.
        pearson: over all runs; None if they are too few or do not vary.
        runs_within: the number of runs of arms whose draws differ in the note.
        within: over those, each less the mean of its arm.
    """

    note: str
    measure: str
    runs: int
    pearson: float | None
    runs_within: int
    within: float | None


def note_correlations(arms: Sequence[ArmSummary], measure: str) -> list[NoteCorrelation]:
    """Return the correlation of each note that varies with a measure."""
    names = dict.fromkeys(
        name for arm in arms for result in arm.replicates for name in result.notes
    )
    correlations = []
    for name in names:
        runs = list(noted_runs(arms, name, measure))
        if len({run.note for run in runs}) < 2:
            continue
        centered = list(centered_runs(runs))
        correlations.append(
            NoteCorrelation(
                note=name,
                measure=measure,
                runs=len(runs),
                pearson=pearson(runs),
                runs_within=len(centered),
                within=pearson(centered),
            )
        )
    return correlations


def noted_runs(arms: Iterable[ArmSummary], note: str, measure: str) -> Iterator[NotedRun]:
    """Yield the runs that have a note and a measure."""
    for arm in arms:
        for result in arm.replicates:
            value = result.measures.get(measure)
            if note in result.notes and value is not None:
                yield NotedRun(arm.name, result.notes[note], value)


def centered_runs(runs: Sequence[NotedRun]) -> Iterator[NotedRun]:
    """Yield the runs of arms whose notes differ, each less the mean of its arm."""
    for arm in dict.fromkeys(run.arm for run in runs):
        own = [run for run in runs if run.arm == arm]
        if len({run.note for run in own}) > 1:
            note, measure = fmean(run.note for run in own), fmean(run.measure for run in own)
            for run in own:
                yield NotedRun(arm, run.note - note, run.measure - measure)


def pearson(runs: Sequence[NotedRun]) -> float | None:
    """Return Pearson's correlation of note and measure; None if it is not defined."""
    if len(runs) < MIN_RUNS:
        return None
    try:
        return correlation([run.note for run in runs], [run.measure for run in runs])
    except StatisticsError:
        return None
