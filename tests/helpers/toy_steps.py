"""Steps that train nothing, for tests of the executor."""

import os
import signal
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.errors import AnalysisError


@dataclass(frozen=True, kw_only=True)
class SumStep(Step):
    """Write the sum of a number and the outcomes of the parents, and count each run."""

    kind: ClassVar[str] = "sum"
    number: int
    inputs: tuple[Step, ...] = ()
    behavior: str = ""  # `fail`, `die`, `slow`, `raise`

    @property
    def label(self) -> str:
        return f"sum {self.number}"

    @property
    def parents(self) -> tuple[Step, ...]:
        return self.inputs

    def settings(self) -> dict[str, Any]:
        return {"number": self.number, "behavior": self.behavior}

    def run(self, context: StepContext) -> None:
        with (context.directory / "runs").open("a") as file:
            file.write("run\n")
        if self.behavior == "fail":
            raise AnalysisError("there is no such number: use another")
        if self.behavior == "raise":
            raise ZeroDivisionError("a fault")
        if self.behavior == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behavior == "slow":
            time.sleep(0.3)
        values = [int((context.output(step) / "sum").read_text()) for step in self.inputs]
        (context.directory / "sum").write_text(str(self.number + sum(values)))
        context.log("written")
