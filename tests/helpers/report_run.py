"""Write what a run has trained and answered, for its page."""

import json
from pathlib import Path
from typing import Any

from tests.helpers.tiny_evaluation import ToyModel
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.storage.directory import BuildDirectory


def answer(
    directory: Path, build: BuildDirectory, stage: str, model: ToyModel, **settings: Any
) -> None:
    """Evaluate a model as a stage of a run."""
    subject = EvalSubject(model=model, path=directory, run="run", stage=stage)
    evaluate(
        subject,
        held_out_set([build]),
        directory / "evaluation" / stage,
        EvaluationSettings(**settings),
    )


def train(directory: Path, steps: int) -> None:
    """Write the metrics of a stage."""
    directory.mkdir(exist_ok=True)
    lines = [
        {
            "step": step,
            "loss": 1 / step,
            "samples_per_second": 9.0,
            "padding_fraction": 0.1,
            "elapsed_seconds": step,
        }
        for step in range(1, steps + 1)
    ]
    (directory / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
