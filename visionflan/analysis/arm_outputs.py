"""The outcome of an arm in one replicate, as measures read it."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from visionflan.analysis.replicate import ANSWERS, Replicate
from visionflan.analysis.store import Store
from visionflan.analysis.study import Arm
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.phrasings import PHRASINGS
from visionflan.evaluate.records.files import RECORDS, SCORES
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import Record, read_records

RECORD_TABLES = dict[str, list[Record]]


@dataclass
class ArmOutputs:
    """An arm whose steps are done.

    Attributes:
        arm: the arm.
        replicate: the seed, with the tasks that were held out.
        store: where the outcomes are.
    """

    arm: Arm
    replicate: Replicate
    store: Store
    tables: RECORD_TABLES = field(default_factory=dict, repr=False)

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

    def seen_questions(self, benchmark: str, name: str) -> int:
        """Return the number of a benchmark's questions about images that were trained on."""
        output = self.output(name)
        if output is None or not (output / benchmark).is_dir():
            return 0
        return read_header(output / benchmark).overlap.count

    def table(self, name: str, file: str) -> list[Record]:
        """Return a table of records, read once."""
        key = f"{name}/{file}"
        if key not in self.tables:
            output = self.output(name)
            is_there = output is not None and (output / file).is_file()
            self.tables[key] = read_records(output / file) if output and is_there else []
        return self.tables[key]

    def scores(self, name: str = ANSWERS) -> dict[str, Any]:
        """Return the scores of an evaluation; empty if there is none."""
        output = self.output(name)
        if output is None or not (output / SCORES).is_file():
            return {}
        scores: dict[str, Any] = json.loads((output / SCORES).read_bytes())
        return scores

    def facts(self, name: str) -> dict[str, Any]:
        """Return what a step wrote as `facts.json`; empty if there is no such output."""
        output = self.output(name)
        if output is None:
            return {}
        facts: dict[str, Any] = json.loads((output / "facts.json").read_bytes())
        return facts

    @cached_property
    def held_out_tasks(self) -> frozenset[str]:
        """The tasks that no stage was trained on."""
        return frozenset(self.replicate.held_out_tasks)

    @cached_property
    def training_tasks(self) -> frozenset[str]:
        """The tasks that could be trained on."""
        return frozenset(self.replicate.training_tasks)
