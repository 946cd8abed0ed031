"""Scores of every stage next to the image-free baselines, and whether the model uses the images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from visionflan.evaluate import conditions
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.aggregate.paired import by_item, differences
from visionflan.evaluate.aggregate.summary import HELD_OUT, OVERALL, TRAINED, task_groups
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.header import TaskHeader
from visionflan.report.charts import SERIES, Mark, dot_plot
from visionflan.report.run_page.inputs import StageEvaluation

CLEAR_GAIN = 0.1

# What the gain of the original images over other ones shows.
USES = "The model uses the images"
USES_LITTLE = "The model makes little use of the images"
IGNORES = "The model ignores the images"
UNDECIDED = "Too few questions to tell whether the model uses the images"
NO_CONTROLS = "The model was evaluated on the original images only"


class Control(NamedTuple):
    """An image condition or baseline that a score is compared with."""

    name: str  # in scores.json, and as a CSS class
    label: str
    style: str  # CSS declarations of its line in charts
    image_free: bool = True  # needs nothing of the images


BASELINES = (
    Control("majority", "most frequent training answer", "stroke: var(--accent)"),
    Control("chance", "chance", "stroke: var(--subtle); stroke-width: 3; opacity: 0.55"),
)


def image_controls() -> list[Control]:
    """Return the image conditions other than that of the original images."""
    return [
        Control(condition.name, condition.label, condition.style, condition.image_free)
        for condition in conditions.controls()
    ]


def all_controls() -> list[Control]:
    """Return the image conditions and the baselines that scores are compared with."""
    return [*image_controls(), *BASELINES]


class ScoreEstimates(NamedTuple):
    """The scores of a task or a group of tasks; None where one was not measured."""

    score: Estimate | None  # lenient rule, original images
    official: Estimate | None
    likelihood: Estimate | None
    controls: Mapping[str, Estimate | None]  # by the name of the control

    def by_name(self) -> dict[str, Estimate | None]:
        """Return all scores by their name in `scores.json`."""
        named = {"score": self.score, "official": self.official, "likelihood": self.likelihood}
        return {**named, **self.controls}


class ScoreRow(NamedTuple):
    """A task or a group of tasks, with its scores at each stage."""

    name: str
    title: str
    note: str
    heading: str  # the group of a task; "" for a group of tasks
    stages: Sequence[ScoreEstimates]
    change: Estimate | None  # the last stage minus the first
    chart: Markup | None

    @property
    def last(self) -> ScoreEstimates:
        """The scores at the last stage."""
        return self.stages[-1]

    @property
    def is_significant(self) -> bool:
        """Whether the interval of the change excludes 0."""
        change = self.change
        if change is None or change.low is None or change.high is None:
            return False
        return change.low > 0 or change.high < 0


class PhrasingSensitivity(NamedTuple):
    """How much the scores of a stage depend on the phrasing of instructions."""

    stage: str
    mean: float | None  # None: not defined, since every score is 0
    low: float | None
    high: float | None
    num_tasks: int


class ScoresSection(NamedTuple):
    """The scores of groups of tasks and of each task."""

    groups: Sequence[ScoreRow]
    tasks: Sequence[ScoreRow]
    sensitivities: Sequence[PhrasingSensitivity]  # of stages with several phrasings
    is_comparable: bool  # all stages were evaluated with the same generation settings


class SightCheck(NamedTuple):
    """The average scores of one stage, their gain from the images, and a conclusion."""

    stage: str
    conclusion: str
    scores: ScoreEstimates
    gain: Estimate | None  # the smallest one over other image conditions


def scores_section(evaluations: Sequence[StageEvaluation]) -> ScoresSection:
    """Compute the rows of all groups and tasks."""
    groups, tasks = score_rows(evaluations)
    sensitivities = list(phrasing_sensitivities(evaluations))
    return ScoresSection(groups, tasks, sensitivities, is_comparable(evaluations))


def phrasing_sensitivities(
    evaluations: Sequence[StageEvaluation],
) -> Iterator[PhrasingSensitivity]:
    """Yield the sensitivity of each stage that was evaluated in several phrasings."""
    for evaluation in evaluations:
        if measured := evaluation.scores.get("sensitivity"):
            mean, low, high = (measured[name] for name in ("mean", "low", "high"))
            yield PhrasingSensitivity(evaluation.stage, mean, low, high, len(measured["tasks"]))


def is_comparable(evaluations: Sequence[StageEvaluation]) -> bool:
    """Return whether all stages were evaluated with the same generation settings."""
    first = evaluations[0].header
    return all(
        evaluation.header.generation_config == first.generation_config for evaluation in evaluations
    )


def changes(
    evaluations: Sequence[StageEvaluation],
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Estimate the change from the first stage to the last by task and by group of tasks."""
    if len(evaluations) < 2 or not is_comparable(evaluations):
        return {}, {}
    first, last = evaluations[0], evaluations[-1]
    groups = task_groups(last.header.tasks)
    return differences(by_item(first.records), by_item(last.records), groups)


def score_rows(
    evaluations: Sequence[StageEvaluation],
) -> tuple[list[ScoreRow], list[ScoreRow]]:
    """Compute the rows of groups, and of tasks in the order of their groups."""
    by_task, by_group = changes(evaluations)
    last = evaluations[-1]
    groups = [
        score_row(
            ScoreRow(name, name, group_note(name), "", [], by_group.get(name), None), evaluations
        )
        for name in sorted(last.scores["groups"], key=group_order)
    ]
    tasks = []
    for name, task in sorted(last.header.tasks.items(), key=lambda pair: task_order(*pair)):
        if name in last.scores["tasks"]:
            heading = "conversation" if task.conversation else task.group
            title, note = task.title or name, task_note(task)
            row = ScoreRow(name, title, note, heading, [], by_task.get(name), None)
            tasks.append(score_row(row, evaluations))
    return groups, tasks


def score_row(row: ScoreRow, evaluations: Sequence[StageEvaluation]) -> ScoreRow:
    """Fill in the scores of each stage, and draw those of a bounded metric."""
    level = "tasks" if row.heading else "groups"
    stages = [score_estimates(evaluation.scores[level].get(row.name)) for evaluation in evaluations]
    task = evaluations[-1].header.tasks.get(row.name)
    if task and not METRICS[task.metric].bounded:
        return row._replace(stages=stages)
    return row._replace(stages=stages, chart=score_chart(row.name, stages, evaluations))


def score_estimates(scores: Mapping[str, Any] | None) -> ScoreEstimates:
    """Read the scores of a task or group from `scores.json`."""

    def estimate(name: str) -> Estimate | None:
        return Estimate(**scores[name]) if scores and scores.get(name) else None

    controls = {control.name: estimate(control.name) for control in all_controls()}
    return ScoreEstimates(estimate("score"), estimate("official"), estimate("likelihood"), controls)


def score_chart(
    name: str, stages: Sequence[ScoreEstimates], evaluations: Sequence[StageEvaluation]
) -> Markup:
    """Draw the score of each stage, and the controls of the last."""
    marks, labels = [], []
    for series, scores, evaluation in zip(SERIES, stages, evaluations, strict=False):
        if scores.score:
            marks.append(Mark(series, scores.score.mean, scores.score.low, scores.score.high))
            labels.append(f"{evaluation.stage} {scores.score.mean:.2f}")
    for control in all_controls():
        if estimate := stages[-1].controls[control.name]:
            marks.append(Mark(control.name, estimate.mean))
            labels.append(f"{control.label} {estimate.mean:.2f}")
    return dot_plot(marks, f"{name}: {', '.join(labels)}")


def task_order(name: str, task: TaskHeader) -> tuple[bool, str, str]:
    """Order tasks by group, with conversations last."""
    return task.conversation, task.group, name


def group_order(name: str) -> tuple[int, str]:
    """Order the average over all tasks first, then trained and held-out tasks."""
    first = (OVERALL, TRAINED, HELD_OUT)
    return (first.index(name) if name in first else len(first)), name


def group_note(name: str) -> str:
    """Explain a group of tasks."""
    return "tasks not used in training" if name == HELD_OUT else ""


def task_note(task: TaskHeader) -> str:
    """Name the metric of a task, and why its score is treated differently."""
    notes = [METRICS[task.metric].label]
    if task.conversation:
        notes.append("not in the average")
    elif not METRICS[task.metric].bounded:
        notes.append("unbounded, not in the average")
    if not task.num_train:
        notes.append("not used in training")
    return ", ".join(notes)


def sight_checks(evaluations: Sequence[StageEvaluation]) -> Iterator[SightCheck]:
    """Check for each stage whether it uses the images."""
    for evaluation in evaluations:
        scores = score_estimates(evaluation.scores["groups"].get(OVERALL))
        if scores.score:
            gain = image_gain(evaluation)
            yield SightCheck(evaluation.stage, conclusion(gain), scores, gain)


def image_gain(evaluation: StageEvaluation) -> Estimate | None:
    """Estimate the gain of original images over other image conditions: the smallest of them."""
    groups = task_groups(evaluation.header.tasks)
    original = by_item(evaluation.records)
    gains = []
    for condition in conditions.controls():
        if control := by_item(evaluation.records, condition.name):
            _, by_group = differences(control, original, groups)
            gains += [by_group[OVERALL]] if OVERALL in by_group else []
    return min(gains, key=lambda gain: gain.mean, default=None)


def conclusion(gain: Estimate | None) -> str:
    """Conclude from the gain whether the model uses the images."""
    if gain is None or gain.low is None or gain.high is None:
        return NO_CONTROLS
    if gain.low > 0:
        return USES if gain.mean >= CLEAR_GAIN else USES_LITTLE
    return IGNORES if gain.high < CLEAR_GAIN else UNDECIDED
