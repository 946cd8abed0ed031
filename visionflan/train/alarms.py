"""Alarms about single tasks of a stage, each in one sentence that says what to look at."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

import numpy as np

from visionflan.plural import counted
from visionflan.train.flat_losses import flat_tasks
from visionflan.train.step_lines import (
    ALARMS,
    METRICS,
    append_line,
    lines_until,
    remove_lines_after,
)
from visionflan.train.tokenized_dataset import TokenizedDataset

AlarmKind = Literal["no_target_tokens", "zero_loss", "flat_loss"]

# A loss per token below this, on successive lines, before any row has been seen twice: a model that
# has not seen the answers gives them each more than 99.99 % per token.
ZERO_LOSS = 1e-4
ZERO_LINES = 3
# The most tokens that end an answer, and so have a loss if it is empty.
MAX_END_TOKENS = 2


class Alarm(NamedTuple):
    """What is wrong with a task, from which step on."""

    step: int
    kind: AlarmKind
    task: str
    message: str


class TaskAlarms:
    """Watches the lines of metrics, and raises each alarm of a task once.

    Everything follows from the rows and the lines, so that a resumed stage has the same alarms.

    Args:
        directory: of the stage.
        steps: of the stage.
        epoch_steps: of its first epoch.
        log: is called with the sentence of each alarm.
    """

    def __init__(
        self, directory: Path, steps: int, epoch_steps: int, log: Callable[[str], None]
    ) -> None:
        self.file, self.metrics = directory / ALARMS, directory / METRICS
        self.steps, self.epoch_steps, self.log = steps, epoch_steps, log
        self.losses = defaultdict[str, list[float]](list)
        self.raised, self.last_step = set[tuple[str, str]](), 0

    def resume(self, step: int, dataset: TokenizedDataset) -> None:
        """Continue after a step; before the first one, look for tasks without target tokens."""
        remove_lines_after(self.file, step)
        self.raised = {(line["kind"], line["task"]) for line in lines_until(self.file, step)}
        for line in lines_until(self.metrics, step):
            self.record(line)
        for alarm in tasks_without_targets(dataset):
            self.sound(alarm)

    def add(self, line: dict[str, Any]) -> None:
        """Record a line of metrics, and raise the alarms that follow from it and those before."""
        half = self.steps / 2
        crosses_half = self.last_step < half <= line["step"]
        self.record(line)
        if line["step"] <= self.epoch_steps:
            for alarm in self.zero_losses(line):
                self.sound(alarm)
        if crosses_half or line["step"] == self.steps:
            for alarm in self.flat_losses(line["step"]):
                self.sound(alarm)

    def record(self, line: dict[str, Any]) -> None:
        """Add the losses of a line to those of the tasks."""
        self.last_step = line["step"]
        for task, loss in line["tasks"].items():
            self.losses[task].append(loss)

    def zero_losses(self, line: dict[str, Any]) -> Iterator[Alarm]:
        """Yield an alarm for each task of a line whose latest losses are almost 0."""
        for task in line["tasks"]:
            latest = self.losses[task][-ZERO_LINES:]
            if len(latest) == ZERO_LINES and (loss := fmean(latest)) < ZERO_LOSS:
                message = (
                    f"the training loss of {task} is {loss:.1e} at step {line['step']:,}, before "
                    "any row was seen twice: look whether its prompts contain the answers, or all "
                    "its answers are the same"
                )
                yield Alarm(line["step"], "zero_loss", task, message)

    def flat_losses(self, step: int) -> Iterator[Alarm]:
        """Yield an alarm for each task whose loss is flat."""
        for flat in flat_tasks(self.losses):
            message = (
                f"the training loss of {flat.task} has not declined by step {step:,} "
                f"({flat.first:.3f} at first, {flat.last:.3f} now), while that of the other tasks "
                f"fell by {flat.others_decline:.0%} (median): look whether its answers belong to "
                "their images and questions"
            )
            yield Alarm(step, "flat_loss", flat.task, message)

    def sound(self, alarm: Alarm) -> None:
        """Write an alarm and log its sentence, unless that was done before."""
        if (alarm.kind, alarm.task) not in self.raised:
            self.raised.add((alarm.kind, alarm.task))
            append_line(self.file, alarm._asdict())
            self.log(f"{self.file.parent.name}: alarm: {alarm.message}")


def tasks_without_targets(dataset: TokenizedDataset) -> Iterator[Alarm]:
    """Yield an alarm for each task all of whose rows were dropped or have empty answers."""
    for task, number in dropped_tasks(dataset).items():
        message = (
            f"all {counted(number, 'row')} of {task} were dropped before step 1, so that it is not "
            f"trained on: look for the reasons in {dataset.directory.parent / 'ledger.jsonl'}"
        )
        yield Alarm(0, "no_target_tokens", task, message)
    for task in tasks_of_empty_answers(dataset):
        message = (
            f"all answers of {task} are empty, so that only their end is trained on from step 1: "
            "look at its rows in the build"
        )
        yield Alarm(0, "no_target_tokens", task, message)


def dropped_tasks(dataset: TokenizedDataset) -> Counter[str]:
    """Return the tasks that have lost all their rows, with their numbers of dropped rows."""
    if not dataset.dropped:
        return Counter()
    lines = (dataset.directory / "ledger.jsonl").read_text().splitlines()
    ids = {line["id"] for line in map(json.loads, lines) if line["kind"] == "dropped"}
    columns = dataset.instances.column("id"), dataset.instances.column("task")
    dropped = Counter(task for id_, task in zip(*columns, strict=True) if id_ in ids)
    return Counter({task: number for task, number in dropped.items() if task not in dataset.tasks})


def tasks_of_empty_answers(dataset: TokenizedDataset) -> Iterator[str]:
    """Yield the tasks with an empty answer in all their rows."""
    for number, task in enumerate(dataset.tasks):
        rows = np.flatnonzero(dataset.task_ids == number)
        if dataset.num_target_tokens[rows].max() > MAX_END_TOKENS:
            continue
        turns = (turn for row in rows.tolist() for turn in dataset.instance(row).turns)
        if not any(turn.text.strip() for turn in turns if turn.role == "assistant"):
            yield task
