"""The outcome of an arm in one replicate, as measures read it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from visionflan.analysis.arm import Arm
from visionflan.analysis.replicate import ANSWERS, Replicate
from visionflan.analysis.store import Store
from visionflan.errors import AnalysisError
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.phrasings import PHRASINGS
from visionflan.evaluate.records.files import RECORDS, SCORES
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import Record, read_records
from visionflan.hashing import stable_hash
from visionflan.storage.stored_json import load_object

NUM_IMAGE_GROUPS = 30  # that are left out in turn, for intervals over questions


def image_group(record: Record) -> int:
    """Return the group of a record's cluster of images, the same in every arm and evaluation."""
    return stable_hash("group of images", record.image_cluster) % NUM_IMAGE_GROUPS


def read_object(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a step's output; raise AnalysisError if it is damaged."""
    content = load_object(file)
    if content is None:
        raise AnalysisError(f"{file} is damaged: delete the directory of its step to run it again")
    return content


@dataclass
class ArmOutputs:
    """An arm whose steps are done.

    Attributes:
        arm: the arm.
        replicate: the seed, with the tasks that were held out.
        store: where the outcomes are.
        complete: the same arm with all answers, where those about a group of images are left out.
        left_out: that group.
        tables: the answers that were read so far, by output and file.
        groups: the group of images of each of them.
    """

    arm: Arm
    replicate: Replicate
    store: Store
    complete: "ArmOutputs | None" = field(default=None, repr=False)
    left_out: int | None = None
    tables: dict[str, list[Record]] = field(default_factory=dict, repr=False)
    groups: dict[str, list[int]] = field(default_factory=dict, repr=False)

    def without(self, group: int) -> "ArmOutputs":
        """Return the arm without the answers about one group of images."""
        return replace(self, complete=self, left_out=group, tables={}, groups={})

    def output(self, name: str) -> Path | None:
        """Return the directory of an output; None if the arm has none of this name."""
        step = self.arm.outputs.get(name)
        return self.store.output(step) if step is not None else None

    def records(
        self,
        tasks: Collection[str] | None = None,
        condition: str = ORIGINAL,
        name: str = ANSWERS,
    ) -> list[Record]:
        """Return the answers to some tasks, by default to all; none if there is no such output."""
        return [
            record
            for record in self.table(name, RECORDS)
            if record.condition == condition and (tasks is None or record.task in tasks)
        ]

    def rephrased(self, name: str = ANSWERS) -> list[Record]:
        """Return the answers to other phrasings; none if they were not asked."""
        return self.table(name, f"{PHRASINGS}/{RECORDS}")

    def benchmark(self, benchmark: str, name: str) -> list[Record]:
        """Return the answers to a benchmark; none if there is no such output."""
        return self.table(name, f"{benchmark}/{RECORDS}")

    def seen_share(self, benchmark: str, name: str) -> float | None:
        """Return the share of a benchmark's questions about images that were trained on.

        Of all its questions, since it is known for them together; None if it was not evaluated.
        """
        output = self.output(name)
        questions = len((self.complete or self).benchmark(benchmark, name))
        if output is None or not questions:
            return None
        return read_header(output / benchmark).overlap.count / questions

    def table(self, name: str, file: str) -> list[Record]:
        """Return a table of records, read once."""
        key = f"{name}/{file}"
        if key not in self.tables:
            if self.complete is None:
                self.tables[key] = self.read_table(name, file)
            else:
                records, groups = (
                    self.complete.table(name, file),
                    self.complete.image_groups(name, file),
                )
                pairs = zip(records, groups, strict=True)
                self.tables[key] = [record for record, group in pairs if group != self.left_out]
        return self.tables[key]

    def read_table(self, name: str, file: str) -> list[Record]:
        """Read a table of records; it is empty if there is none."""
        output = self.output(name)
        is_there = output is not None and (output / file).is_file()
        return read_records(output / file) if output and is_there else []

    def image_groups(self, name: str, file: str) -> list[int]:
        """Return the group of images of each record of a table."""
        key = f"{name}/{file}"
        if key not in self.groups:
            self.groups[key] = list(map(image_group, self.table(name, file)))
        return self.groups[key]

    def scores(self, name: str = ANSWERS) -> dict[str, Any]:
        """Return the scores of an evaluation; empty if there is none."""
        output = self.output(name)
        if output is None or not (output / SCORES).is_file():
            return {}
        return read_object(output / SCORES)

    def facts(self, name: str) -> dict[str, Any]:
        """Return what a step wrote as `facts.json`; empty if there is no such output."""
        output = self.output(name)
        if output is None:
            return {}
        return read_object(output / "facts.json")

    @cached_property
    def held_out_tasks(self) -> frozenset[str]:
        """The tasks that no stage was trained on."""
        return frozenset(self.replicate.held_out_tasks)

    @cached_property
    def training_tasks(self) -> frozenset[str]:
        """The tasks that could be trained on."""
        return frozenset(self.replicate.training_tasks)
