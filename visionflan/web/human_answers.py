"""Answers of a person to held-out items of a build, stored as an evaluation of a model is.

The person sees the images and the prompt alone. Every answer is in a journal at once; when the
items of a task are answered, they are scored by the task's own metric.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from glob import escape
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from visionflan.errors import EvaluationError
from visionflan.web.open_build import OpenBuild
from visionflan.web.recent_values import RecentValues

if TYPE_CHECKING:
    from visionflan.evaluate.records.header import Header
    from visionflan.evaluate.records.record import Record
    from visionflan.evaluate.requests import EvalSet, Item

NUM_ITEMS = 20  # of a task
MAX_TASKS = 8  # whose items are in memory


class BlindTask(NamedTuple):
    """The items of a task that a person answers, and the answers so far by sample key."""

    task: str
    items: "Sequence[Item]"
    records: "Mapping[str, Record]"

    @property
    def next_item(self) -> "Item | None":
        """Return the first item without an answer; None if there is an answer to each."""
        return next((item for item in self.items if item.sample_key not in self.records), None)


class HumanAnswers:
    """The answers of one person to the items of one build, in a directory of their own."""

    def __init__(self, directory: Path, person: str, build: OpenBuild) -> None:
        self.directory, self.person, self.build = directory / person / build.name, person, build
        self.lock = Lock()
        self.items = RecentValues(self.choose_items, MAX_TASKS)

    @cached_property
    def tasks(self) -> list[str]:
        """Return the tasks that have held-out items and a metric."""
        from visionflan.evaluate.metrics import METRICS

        entries = self.build.manifest["tasks"].items()
        return [task for task, one in entries if one["held_out"] and one["metric"] in METRICS]

    def open_task(self, task: str) -> BlindTask:
        """Return a task with the answers so far."""
        answered = {one.sample_key: one for one in self.load() if one.task == task}
        return BlindTask(task, self.items.get(task), answered)

    def choose_items(self, task: str) -> "Sequence[Item]":
        """Return the items of a task that every person answers; `evaluate --limit` has the same."""
        from visionflan.evaluate.requests import limit_items

        items = self.eval_set([task]).items[task]
        return limit_items(items, NUM_ITEMS)[:NUM_ITEMS]

    def eval_set(self, tasks: Sequence[str]) -> "EvalSet":
        """Return all held-out items of some tasks."""
        from visionflan.evaluate.held_out import held_out_set

        return held_out_set([self.build.directory], tasks)

    def load(self) -> "list[Record]":
        """Return all stored answers of the person."""
        from visionflan.evaluate.run import load_records

        return load_records(self.directory, ())

    def add(self, task: str, sample_key: str, response: str) -> None:
        """Store the answer to an item of a task, unless it has one."""
        with self.lock:
            blind = self.open_task(task)
            item = {item.sample_key: item for item in blind.items}.get(sample_key)
            if item is None or sample_key in blind.records:
                return
            self.append(self.header_with(task), item, response)

    def append(self, header: "Header", item: "Item", response: str) -> None:
        """Append an answer to the journal."""
        from visionflan.evaluate.conditions import ORIGINAL
        from visionflan.evaluate.inference import RequestContext, new_record
        from visionflan.evaluate.records.journal import journal_of
        from visionflan.evaluate.requests import EvalRequest

        context = RequestContext(
            run=header.run,
            stage=header.stage,
            checkpoint=header.checkpoint,
            generation_config=header.generation_config,
            max_new_tokens=0,
        )
        record = new_record(EvalRequest(item, ORIGINAL, item.images), context)
        answered = record._replace(response=response, finish_reason="stop")
        journal_of(self.directory, 0).append([answered])

    def score(self) -> None:
        """Score the answers that are not yet scored, and write them as records of an evaluation."""
        from visionflan.evaluate.records.header import read_header
        from visionflan.evaluate.records.journal import journals
        from visionflan.evaluate.run import score_and_save

        with self.lock:
            if journals(self.directory):
                score_and_save(self.directory, read_header(self.directory), self.load())

    def header_with(self, task: str) -> "Header":
        """Return the header of the evaluation, after a task is added to it.

        Raises EvaluationError if the stored answers are to another build.
        """
        from visionflan.evaluate.records.document_frequencies import write_frequencies
        from visionflan.evaluate.records.files import HEADER
        from visionflan.evaluate.records.header import read_header, write_header
        from visionflan.evaluate.run import references_to_count

        has_header = (self.directory / HEADER).is_file()
        header = read_header(self.directory) if has_header else self.new_header()
        if header.sources != (self.build.directory.digest,):
            raise EvaluationError(
                f"{self.directory} has answers to another build: name another directory with "
                "--answers"
            )
        if task not in header.tasks:
            eval_set = self.eval_set([*header.tasks, task])
            header = replace(header, tasks=eval_set.tasks)
            self.directory.mkdir(parents=True, exist_ok=True)
            write_frequencies(self.directory, references_to_count(eval_set))
            write_header(self.directory, header)
        return header

    def new_header(self) -> "Header":
        """Return the header of an evaluation without tasks."""
        import visionflan
        from visionflan.evaluate.conditions import ORIGINAL
        from visionflan.evaluate.records.header import (
            HUMAN,
            Header,
            ModelHeader,
            generation_config,
        )

        return Header(
            run=self.person,
            stage=HUMAN,
            checkpoint=f"{HUMAN}:{self.person}",
            checkpoint_path="",
            sources=(self.build.directory.digest,),
            source_paths=(str(self.build.path.resolve()),),
            generation_config=generation_config(0, HUMAN),
            conditions=(ORIGINAL,),
            limit=NUM_ITEMS,
            tasks={},
            model=ModelHeader(engine=HUMAN, no_likelihoods="a person answered"),
            versions={"visionflan": visionflan.__version__},
        )


def persons_with_answers(directory: Path, build: OpenBuild, task: str) -> list[str]:
    """Return the persons who answered items of a task of a build, in a directory of all answers.

    Answers of a person that cannot be read are in nobody else's way: they are left out.
    """
    from visionflan.evaluate.records.files import HEADER
    from visionflan.evaluate.records.header import HUMAN, read_header

    headers = []
    for path in directory.glob(f"*/{escape(build.name)}/{HEADER}"):
        with suppress(EvaluationError):
            headers.append(read_header(path.parent))
    return sorted(
        header.run
        for header in headers
        if header.stage == HUMAN
        and header.sources == (build.directory.digest,)
        and task in header.tasks
    )
