"""A step: one piece of work of a study, known by the digest of all that decides its outcome.

Two arms, two studies, or a study and a finished run that need equal steps share one outcome. The
settings of the machine (device, threads, memory) do not count.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from visionflan.train.config import OUTCOME_FORMAT, RuntimeConfig

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """Where a step runs.

    Attributes:
        directory: where its output goes; after an interrupt, what it left there.
        outputs: the directory of each step that it depends on, by digest.
        runtime: device, threads and memory.
        log: called with a line now and then.
    """

    directory: Path
    outputs: Mapping[str, Path]
    runtime: RuntimeConfig
    log: Log

    def output(self, step: "Step") -> Path:
        """Return the output directory of a parent."""
        return self.outputs[step.digest]


class Step(ABC):
    """One piece of work; subclasses are frozen dataclasses."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def label(self) -> str:
        """What it does, in a few words, for plans and messages."""

    @property
    @abstractmethod
    def parents(self) -> tuple["Step", ...]:
        """The steps whose output it reads."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what decides its outcome beside its parents, as JSON values."""

    @abstractmethod
    def run(self, context: StepContext) -> None:
        """Do the work, or go on with it after an interrupt."""

    def num_devices(self, runtime: RuntimeConfig) -> int:
        """Return how many accelerators it uses if there are any."""
        return 0

    @cached_property
    def digest(self) -> str:
        """The SHA-256 digest of its kind, its settings and the digests of its parents."""
        parents = [step.digest for step in self.parents]
        content = [OUTCOME_FORMAT, self.kind, self.settings(), parents]
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def with_ancestors(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps and all that they depend on, each once, parents first."""
    known: set[str] = set()

    def visit(step: Step) -> Iterator[Step]:
        if step.digest not in known:
            known.add(step.digest)
            for parent in step.parents:
                yield from visit(parent)
            yield step

    for step in steps:
        yield from visit(step)
