"""Load what a run has written: its configuration, training metrics, evaluations and builds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visionflan.compare.human_scores import compare_humans, find_persons
from visionflan.compare.results import Evaluation, HumanResults
from visionflan.errors import BuildError, EvaluationError
from visionflan.evaluate.records.files import RECORDS, SCORES
from visionflan.evaluate.records.header import Header, read_header
from visionflan.evaluate.records.paths import evaluations, training_builds
from visionflan.evaluate.records.record import Record, check_scores, read_records
from visionflan.storage.directory import BuildDirectory
from visionflan.train.step_lines import ALARMS, VALIDATIONS


@dataclass(frozen=True, kw_only=True)
class StageEvaluation:
    """The evaluation of one stage on held-out tasks."""

    stage: str
    header: Header
    scores: dict[str, Any]  # of scores.json
    records: list[Record]

    def with_condition(self, condition: str) -> list[Record]:
        """Return the records under one image condition."""
        return [record for record in self.records if record.condition == condition]


@dataclass(frozen=True, kw_only=True)
class StageTraining:
    """The training of one stage."""

    name: str
    metadata: Mapping[str, Any]  # of run.json
    metrics: Sequence[Mapping[str, Any]]  # the lines of metrics.jsonl
    validations: Sequence[Mapping[str, Any]] = ()  # the lines of validation.jsonl
    alarms: Sequence[str] = ()  # the sentences of alarms.jsonl


@dataclass(frozen=True, kw_only=True)
class RunData:
    """The inputs of a report."""

    run: Path
    config: Mapping[str, Any]
    trainings: Sequence[StageTraining]
    evaluations: Sequence[StageEvaluation]
    builds: Sequence[BuildDirectory]
    missing_builds: Sequence[str]  # why a build could not be opened
    humans: HumanResults | None = None  # the scores and the agreement of persons


def load_run(run: Path, answers: Path | None = None) -> RunData:
    """Load the directory of a run, and the answers of persons; only an evaluation is required."""
    if not run.is_dir():
        raise EvaluationError(f"{run} is not a directory: give the directory of a run")
    evaluated = [load_evaluation(path) for path in evaluations(run) if not is_benchmark(path)]
    if not evaluated:
        raise EvaluationError(
            f"{run} has no evaluation on held-out tasks: run `visionflan evaluate {run}`"
        )
    config = read_json(run / "config.json")
    builds, missing = open_builds(
        [*training_builds(run), *(Path(path) for e in evaluated for path in e.header.source_paths)]
    )
    return RunData(
        run=run,
        config=config,
        trainings=load_trainings(run, [stage["name"] for stage in config.get("stages", ())]),
        evaluations=evaluated,
        builds=builds,
        missing_builds=missing,
        humans=None if answers is None else load_humans(answers, evaluated),
    )


def load_humans(answers: Path, stages: Sequence[StageEvaluation]) -> HumanResults:
    """Load the answers of persons, and set them beside those of the stages."""
    models = {
        stage.stage: [Evaluation(stage.stage, stage.header, stage.records)] for stage in stages
    }
    return compare_humans(find_persons(answers), models)


def open_builds(paths: Iterable[Path]) -> tuple[list[BuildDirectory], list[str]]:
    """Open the builds, each digest once; also return why some could not be opened."""
    builds: dict[str, BuildDirectory] = {}
    missing = []
    for path in dict.fromkeys(paths):
        try:
            build = BuildDirectory(path)
        except BuildError as error:
            missing.append(str(error))
        else:
            builds.setdefault(build.digest, build)
    return list(builds.values()), missing


def is_benchmark(directory: Path) -> bool:
    """Return whether an evaluation is on a benchmark; `visionflan compare` reports those."""
    return bool(read_header(directory).benchmark)


def load_evaluation(directory: Path) -> StageEvaluation:
    """Load one complete evaluation."""
    for name in (SCORES, RECORDS):
        if not (directory / name).is_file():
            raise EvaluationError(
                f"{directory} has no {name}: the evaluation was interrupted; run it again"
            )
    records = read_records(directory / RECORDS)
    check_scores(records, directory)
    return StageEvaluation(
        stage=directory.name,
        header=read_header(directory),
        scores=read_json(directory / SCORES),
        records=records,
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one if there is no file."""
    content: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return content


def load_trainings(run: Path, stages: Sequence[str]) -> list[StageTraining]:
    """Load the metrics of every training: first those before the configured stages, then these."""
    files = [*run.glob("*/metrics.jsonl"), *run.glob("*/*/metrics.jsonl")]
    directories = {path.parent.relative_to(run).as_posix(): path.parent for path in files}
    order = {name: index for index, name in enumerate(stages)}
    return [
        load_training(name, directories[name])
        for name in sorted(directories, key=lambda name: (order.get(name, -1), name))
    ]


def load_training(name: str, directory: Path) -> StageTraining:
    """Load the metadata and metrics of one training."""
    checkpoint = read_json(directory / "checkpoint" / "run.json")
    return StageTraining(
        name=name,
        metadata=checkpoint or read_json(directory / "run.json"),
        metrics=read_lines(directory / "metrics.jsonl"),
        validations=read_lines(directory / VALIDATIONS),
        alarms=[alarm["message"] for alarm in read_lines(directory / ALARMS)],
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the objects of a file with one on each line; none if there is no file."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.strip()]
