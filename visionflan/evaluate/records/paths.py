"""Find the checkpoints, builds and evaluations of a run.

A run is a directory with `config.json` and `<stage>/checkpoint` for each stage. Held-out tasks are
evaluated in `evaluation/<stage>`, a benchmark in `benchmarks/<stage>/<benchmark>`, or, in another
prompt style than its first, in `benchmarks/<stage>/<benchmark>@<style>`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.errors import EvaluationError
from visionflan.evaluate.records.files import (
    BENCHMARKS,
    CHECKPOINT,
    CONVERSATIONS,
    EVALUATION,
    HEADER,
    RECORDS,
    RESPONSE_CACHE,
)
from visionflan.model.checkpoint_path import how_to_download
from visionflan.storage.directory import BuildDirectory

# The stages that end in a model that can answer; earlier ones only prepare its parts.
STAGES = ("base", "chat")


class CheckpointPaths(NamedTuple):
    """A checkpoint, and where its evaluations are written."""

    checkpoint: Path
    run: Path
    stage: str
    held_out_dir: Path  # the evaluation of held-out tasks
    benchmarks_dir: Path  # one subdirectory per benchmark
    response_cache: Path  # all generated answers of the run, by content


def checkpoints(
    path: Path, stages: Sequence[str] = (), out: Path | None = None
) -> list[CheckpointPaths]:
    """Return the checkpoints of some stages of a run (default: its two stages), or the one given.

    `out`: the directory for their evaluations; None writes them into the run.
    """
    if not path.exists():
        what_to_do = how_to_download(path) or "name a checkpoint, a stage of a run, or a run"
        raise EvaluationError(f"{path} does not exist: {what_to_do}")
    by_stage = {entry.parent.name: entry for entry in sorted(path.glob(f"*/{CHECKPOINT}"))}
    if not by_stage:
        inner = path / CHECKPOINT
        return [single_checkpoint(inner if inner.is_dir() else path, out)]
    requested = stages or [stage for stage in STAGES if stage in by_stage] or list(by_stage)
    if missing := [stage for stage in requested if stage not in by_stage]:
        raise EvaluationError(
            f"{path} has no checkpoint of {', '.join(missing)}: its stages are "
            f"{', '.join(by_stage)}"
        )
    return [
        checkpoint_paths(by_stage[stage], path, stage, out / stage if out else None)
        for stage in requested
    ]


def single_checkpoint(path: Path, out: Path | None) -> CheckpointPaths:
    """Return the paths of one checkpoint; one that is not in a run needs `out`."""
    path = path.resolve()
    if path.name == CHECKPOINT:
        return checkpoint_paths(path, path.parent.parent, path.parent.name, out)
    if out is None:
        raise EvaluationError(f"{path} is not in a run: set the directory for records with `--out`")
    return checkpoint_paths(path, path, path.name, out)


def checkpoint_paths(checkpoint: Path, run: Path, stage: str, out: Path | None) -> CheckpointPaths:
    """Return the paths of a checkpoint: in its run, or all in `out`."""
    if out is not None:
        return CheckpointPaths(checkpoint, run, stage, out, out, out / RESPONSE_CACHE)
    return CheckpointPaths(
        checkpoint,
        run,
        stage,
        run / EVALUATION / stage,
        run / BENCHMARKS / stage,
        run / RESPONSE_CACHE,
    )


def builds(paths: Sequence[Path], run: Path) -> list[BuildDirectory]:
    """Open the given builds, by default those that the run was trained on, if all are there."""
    if not paths and (gone := missing_builds(run)):
        names = " and ".join(map(str, gone))
        raise EvaluationError(
            f"{run} was trained on {names}, which is not there: name its new place with `--build`"
        )
    paths = list(paths) or training_builds(run)
    if not paths:
        raise EvaluationError(
            f"{run} does not record the builds it was trained on: name one with `--build`"
        )
    return [BuildDirectory(path) for path in paths]


def training_builds(run: Path) -> list[Path]:
    """Return the builds that a run was trained on and that are there, conversations included."""
    paths = dict.fromkeys([*configured_builds(run), run / CONVERSATIONS])
    return [build for build in paths if is_build(build)]


def missing_builds(run: Path) -> list[Path]:
    """Return the builds that a run was trained on and that are not where they were."""
    return [build for build in configured_builds(run) if not is_build(build)]


def configured_builds(run: Path) -> list[Path]:
    """Return the builds in the configuration of a run; none for a checkpoint without a run."""
    path = run / "config.json"
    if not path.is_file():
        return []
    config = json.loads(path.read_bytes())
    stages = config.get("stages") or ()
    named = [config.get("build"), *((stage.get("data") or {}).get("build") for stage in stages)]
    return list(dict.fromkeys(Path(build) for build in named if build))


def is_build(path: Path) -> bool:
    """Return whether a directory has the manifest of a build."""
    return (path / "manifest.json").is_file()


def evaluations(path: Path) -> list[Path]:
    """Return the evaluation directories of a run or directory, held-out tasks before benchmarks.

    `path` may also be one evaluation directory, or its table of records.
    """
    if path.is_file() and path.name not in (RECORDS, HEADER):
        raise EvaluationError(f"{path} is not a table of records: name {RECORDS}, or its directory")
    directory = path.parent if path.is_file() else path
    if (directory / HEADER).is_file():
        return [directory, *evaluations_matching(directory, f"*/{HEADER}")]
    patterns = (f"{EVALUATION}/*/{HEADER}", f"{BENCHMARKS}/*/*/{HEADER}", f"*/{HEADER}")
    directories = [
        entry for pattern in patterns for entry in evaluations_matching(directory, pattern)
    ]
    if not directories:
        raise EvaluationError(
            f"{path} contains no evaluation: create one with `visionflan evaluate`"
        )
    return directories


def evaluations_matching(directory: Path, pattern: str) -> list[Path]:
    """Return the evaluation directories whose headers match a glob, ordered by stage."""
    return sorted(
        (header.parent for header in directory.glob(pattern)),
        key=lambda entry: (
            max(stage_order(entry.name), stage_order(entry.parent.name)),
            str(entry),
        ),
    )


def stage_order(stage: str) -> int:
    """Return the position of a stage in training; stages before the two are first."""
    return STAGES.index(stage) if stage in STAGES else -1
