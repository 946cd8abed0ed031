"""Put the scores of the phases side by side, with what they must be compared with, and judge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from visionflan.evaluate.aggregate.bootstrap import Estimate
from visionflan.evaluate.aggregate.paired import by_item, differences
from visionflan.evaluate.aggregate.summary import HELD_OUT, OVERALL, TRAINED, task_groups
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import TaskHeader
from visionflan.report.charts import PHASES, Mark, dots
from visionflan.report.run_page.inputs import StageEvaluation

CONTROLS = ("blank", "swapped", "chance", "majority")
CLEARLY = 0.1


class Row(NamedTuple):
    """A task or a group of tasks: the estimates of each phase, the controls, and the change.

    The controls are those of the last phase; `change` is the last phase minus the first.
    """

    name: str
    title: str
    note: str
    heading: str
    phases: Sequence[Mapping[str, Any]]
    change: Estimate | None
    drawing: Markup | None

    @property
    def last(self) -> Mapping[str, Any]:
        """The estimates of the last phase."""
        return self.phases[-1]


class SightCheck(NamedTuple):
    """Whether a phase looks: its overall scores, and the gain from the true pictures."""

    phase: str
    verdict: str
    score: Mapping[str, Any]
    official: Mapping[str, Any]
    controls: Mapping[str, Any]
    gain: Estimate | None


def shared(evaluated: Sequence[StageEvaluation]) -> bool:
    """Whether the phases were asked in the same way, so that their answers can be compared."""
    first = evaluated[0].header
    return all(each.header.generation == first.generation for each in evaluated)


def changes(
    evaluated: Sequence[StageEvaluation],
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate the change from the first phase to the last, on the items that both answered."""
    if len(evaluated) < 2 or not shared(evaluated):
        return {}, {}
    groups = task_groups(evaluated[-1].header.tasks)
    return differences(by_item(evaluated[0].records), by_item(evaluated[-1].records), groups)


def rows(evaluated: Sequence[StageEvaluation]) -> tuple[list[Row], list[Row]]:
    """Give the rows of the groups, and those of the tasks, in the order of their groups."""
    by_task, by_group = changes(evaluated)
    last = evaluated[-1]
    groups = [
        row(Row(name, name, note_of_group(name), "", [], by_group.get(name), None), evaluated)
        for name in sorted(last.scores["groups"], key=group_order)
    ]
    tasks = []
    for task, told in sorted(last.header.tasks.items(), key=lambda pair: task_order(*pair)):
        if task in last.scores["tasks"]:
            heading = "conversation" if told.conversation else told.group
            note = note_of_task(told)
            bare = Row(task, told.title or task, note, heading, [], by_task.get(task), None)
            tasks.append(row(bare, evaluated))
    return groups, tasks


def row(bare: Row, evaluated: Sequence[StageEvaluation]) -> Row:
    """Put the estimates of each phase into a row, and draw them."""
    level = "tasks" if bare.heading else "groups"
    nothing = dict.fromkeys(("score", "official", *CONTROLS))
    estimates = [each.scores[level].get(bare.name) or nothing for each in evaluated]
    told = evaluated[-1].header.tasks.get(bare.name)
    if told and not METRICS[told.metric].bounded:
        return bare._replace(phases=estimates)
    return bare._replace(phases=estimates, drawing=drawing(bare.name, estimates, evaluated))


def task_order(task: str, told: TaskHeader) -> tuple[bool, str, str]:
    """Put free talk last, and the tasks of a group together."""
    return told.conversation, told.group, task


def drawing(
    name: str, estimates: Sequence[Mapping[str, Any]], evaluated: Sequence[StageEvaluation]
) -> Markup:
    """Draw the scores of a row with what they are compared with."""
    marks = [
        Mark(kind, found["score"]["mean"], found["score"]["low"], found["score"]["high"])
        for kind, found in zip(PHASES, estimates, strict=False)
        if found["score"]
    ]
    last = estimates[-1]
    marks += [Mark(control, last[control]["mean"]) for control in CONTROLS if last[control]]
    told = ", ".join(f"{mark.kind} {mark.value:.2f}" for mark in marks)
    for kind, each in zip(PHASES, evaluated, strict=False):
        told = told.replace(kind, each.phase)
    return dots(marks, f"{name}: {told}")


def group_order(name: str) -> tuple[int, str]:
    """Put the average over all tasks first, then what training saw and what it never saw."""
    first = (OVERALL, TRAINED, HELD_OUT)
    return (first.index(name) if name in first else len(first)), name


def note_of_group(name: str) -> str:
    """Say what a group is."""
    return "tasks that training never saw" if name == HELD_OUT else ""


def note_of_task(told: TaskHeader) -> str:
    """Say by what a task is judged, and what is special about it."""
    notes = [told.metric.replace("_", " ")]
    if told.conversation:
        notes.append("not in the average")
    elif not METRICS[told.metric].bounded:
        notes.append("no upper end, not in the average")
    if not told.trained:
        notes.append("wholly held out")
    return ", ".join(notes)


def sight_checks(evaluated: Sequence[StageEvaluation]) -> Iterator[SightCheck]:
    """Judge for each phase whether it looks at the pictures."""
    for each in evaluated:
        overall = each.scores["groups"].get(OVERALL)
        if overall and overall["score"]:
            yield sight(each, overall)


def sight(each: StageEvaluation, overall: Mapping[str, Any]) -> SightCheck:
    """Judge one phase by what the true picture gains over a grey one and over another's."""
    groups = task_groups(each.header.tasks)
    true = by_item(each.records)
    gains = [
        found
        for condition in ("blank", "swapped")
        if (controls := by_item(each.records, condition))
        and (found := differences(controls, true, groups)[1].get(OVERALL))
    ]
    least = min(gains, key=lambda gain: gain.mean, default=None)
    return SightCheck(
        phase=each.phase,
        verdict=verdict(least),
        score=overall["score"],
        official=overall["official"],
        controls={control: overall[control] for control in CONTROLS},
        gain=least,
    )


def verdict(gain: Estimate | None) -> str:
    """Say in words what the gain from the true pictures means."""
    if gain is None or gain.low is None or gain.high is None:
        return "was asked about true pictures only"
    if gain.low > 0:
        return "sees" if gain.mean >= CLEARLY else "sees a little"
    if gain.high < CLEARLY:
        return "does not look at the pictures"
    return "may or may not look: there are too few questions to tell"
