"""Gather what a run left behind: its configuration, losses, evaluations, and its builds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visionflan.errors import BuildError, EvaluationError
from visionflan.evaluate.aggregate.summary import SCORES
from visionflan.evaluate.records.header import Header, read_header
from visionflan.evaluate.records.paths import evaluations, trained_on
from visionflan.evaluate.records.record import RECORDS, Record, read_records
from visionflan.storage.directory import BuildDirectory


@dataclass(frozen=True, kw_only=True)
class StageEvaluation:
    """One phase's evaluation."""

    phase: str
    header: Header
    scores: dict[str, Any]
    records: list[Record]

    def under(self, condition: str) -> list[Record]:
        """Give the answers under one condition."""
        return [record for record in self.records if record.condition == condition]


@dataclass(frozen=True, kw_only=True)
class StageTraining:
    """One phase's training: what is told of it, and its lines of measurements."""

    name: str
    told: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RunData:
    """All that a report is made of; `missing` names what was looked for in vain."""

    run: Path
    config: Mapping[str, Any]
    trained: Sequence[StageTraining]
    evaluated: Sequence[StageEvaluation]
    builds: Sequence[BuildDirectory]
    missing: Sequence[str]


def load_run(run: Path) -> RunData:
    """Read a run's folder; only an evaluation must be there."""
    if not run.is_dir():
        raise EvaluationError(f"{run} is not a folder: give the folder of a run")
    evaluated = [evaluation(folder) for folder in evaluations(run) if not of_benchmark(folder)]
    if not evaluated:
        raise EvaluationError(
            f"{run} was asked no held-out questions: ask them with `visionflan evaluate {run}`"
        )
    config = read_json(run / "config.json")
    paths = dict.fromkeys(
        [*trained_on(run), *(Path(p) for e in evaluated for p in e.header.source_paths)]
    )
    builds: dict[str, BuildDirectory] = {}
    missing = []
    for path in paths:
        try:
            build = BuildDirectory(path)
        except BuildError as fault:
            missing.append(str(fault))
        else:
            builds.setdefault(build.digest, build)
    return RunData(
        run=run,
        config=config,
        trained=phases(run, [stage["name"] for stage in config.get("stages", ())]),
        evaluated=evaluated,
        builds=list(builds.values()),
        missing=missing,
    )


def of_benchmark(folder: Path) -> bool:
    """Whether an evaluation is of a benchmark, which a report leaves to `visionflan compare`."""
    return bool(read_header(folder).benchmark)


def evaluation(folder: Path) -> StageEvaluation:
    """Read one evaluation that is whole."""
    for name in (SCORES, RECORDS):
        if not (folder / name).is_file():
            raise EvaluationError(
                f"{folder} holds no {name}: its evaluation was stopped; run it again"
            )
    header = read_header(folder)
    return StageEvaluation(
        phase=folder.name,
        header=header,
        scores=read_json(folder / SCORES),
        records=read_records(folder / RECORDS),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no file."""
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def phases(run: Path, order: Sequence[str]) -> list[StageTraining]:
    """Find the phases that left measurements: what comes before the stages first, then those."""
    files = [*run.glob("*/metrics.jsonl"), *run.glob("*/*/metrics.jsonl")]
    names = {path.parent.relative_to(run).as_posix(): path.parent for path in files}
    place = {name: number for number, name in enumerate(order)}
    return [
        StageTraining(
            name=name,
            told=read_json(names[name] / "checkpoint" / "run.json")
            or read_json(names[name] / "run.json"),
            lines=[
                json.loads(line)
                for line in (names[name] / "metrics.jsonl").read_text().splitlines()
                if line.strip()
            ],
        )
        for name in sorted(names, key=lambda name: (place.get(name, -1), name))
    ]
