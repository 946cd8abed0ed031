"""Where things lie: the checkpoints of a run, its builds, and its evaluations.

A run is a folder that holds `<phase>/checkpoint` for each phase and its `config.json`. What the
held-out questions gave goes to `evaluation/<phase>`, what a benchmark gave to
`benchmarks/<phase>/<benchmark>`, and with another prompt style than its first to
`benchmarks/<phase>/<benchmark>@<style>`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.errors import EvaluationError
from visionflan.evaluate.models.cached import CACHE
from visionflan.evaluate.records.header import HEADER
from visionflan.evaluate.records.record import RECORDS
from visionflan.storage.directory import BuildDirectory

EVALUATION = "evaluation"
BENCHMARKS = "benchmarks"
CHECKPOINT = "checkpoint"
# Where a run keeps the conversations that it wrote for its second stage: a build of its own.
CONVERSATIONS = "conversations"
# The phases that end in a model that answers; those before only prepare its parts.
STAGES = ("base", "chat")


class CheckpointPaths(NamedTuple):
    """A checkpoint, the run and phase that it is of, and where its evaluations go.

    `out` takes the answers to the held-out questions, `benchmarks` has a folder for each benchmark,
    `cache` keeps all answers by content.
    """

    checkpoint: Path
    run: Path
    stage: str
    held_out_dir: Path
    benchmarks_dir: Path
    response_cache: Path


def checkpoints(
    path: Path, phases: Sequence[str] = (), out: Path | None = None
) -> list[CheckpointPaths]:
    """Find what to evaluate in a run, by default its two stages, or take the one checkpoint."""
    if not path.exists():
        raise EvaluationError(f"there is no {path}: give a checkpoint, a phase of a run, or a run")
    found = {place.parent.name: place for place in sorted(path.glob(f"*/{CHECKPOINT}"))}
    if not found:
        inner = path / CHECKPOINT
        return [single(inner if inner.is_dir() else path, out)]
    wanted = phases or [stage for stage in STAGES if stage in found] or list(found)
    if missing := [phase for phase in wanted if phase not in found]:
        raise EvaluationError(
            f"{path} has no checkpoint of {', '.join(missing)}: it has those of {', '.join(found)}"
        )
    return [
        checkpoint_paths(found[phase], path, phase, out / phase if out else None)
        for phase in wanted
    ]


def single(path: Path, out: Path | None) -> CheckpointPaths:
    """Place a checkpoint by itself: within its run where it lies in one, else where it is told."""
    path = path.resolve()
    if path.name == CHECKPOINT:
        return checkpoint_paths(path, path.parent.parent, path.parent.name, out)
    if out is None:
        raise EvaluationError(f"{path} is not in a run: say with `--out` where its records go")
    return checkpoint_paths(path, path, path.name, out)


def checkpoint_paths(checkpoint: Path, run: Path, phase: str, out: Path | None) -> CheckpointPaths:
    """Say where the evaluations of a checkpoint go: into its run, or all into one folder."""
    if out is not None:
        return CheckpointPaths(checkpoint, run, phase, out, out, out / CACHE)
    return CheckpointPaths(
        checkpoint, run, phase, run / EVALUATION / phase, run / BENCHMARKS / phase, run / CACHE
    )


def builds(given: Sequence[Path], run: Path) -> list[BuildDirectory]:
    """Open the builds that are given, or those that the run was trained on."""
    paths = list(given) or trained_on(run)
    if not paths:
        raise EvaluationError(
            f"{run} does not say what it was trained on: give a build directory with `--build`"
        )
    return [BuildDirectory(path) for path in paths]


def trained_on(run: Path) -> list[Path]:
    """Read which builds the stages of a run were trained on, with what it wrote for itself."""
    path = run / "config.json"
    if not path.is_file():
        return []
    config = json.loads(path.read_bytes())
    stages = config.get("stages") or ()
    named = [config.get("build"), *((stage.get("data") or {}).get("build") for stage in stages)]
    paths = [*(Path(build) for build in named if build), run / CONVERSATIONS]
    return [build for build in dict.fromkeys(paths) if (build / "manifest.json").is_file()]


def evaluations(path: Path) -> list[Path]:
    """Find every evaluation of a run or of a folder, held-out questions before benchmarks.

    Or take the one that is given by its folder or its records.
    """
    if path.is_file() and path.name not in (RECORDS, HEADER):
        raise EvaluationError(f"{path} is no table of records: give {RECORDS}, or its folder")
    folder = path.parent if path.is_file() else path
    if (folder / HEADER).is_file():
        return [folder, *inside(folder, f"*/{HEADER}")]
    patterns = (f"{EVALUATION}/*/{HEADER}", f"{BENCHMARKS}/*/*/{HEADER}", f"*/{HEADER}")
    found = [place for pattern in patterns for place in inside(folder, pattern)]
    if not found:
        raise EvaluationError(f"{path} holds no evaluation: make one with `visionflan evaluate`")
    return found


def inside(folder: Path, pattern: str) -> list[Path]:
    """Find the folders of evaluations that a pattern names, in the order of the stages."""
    found = [place.parent for place in folder.glob(pattern)]
    return sorted(
        found,
        key=lambda place: (
            max(stage_order(place.name), stage_order(place.parent.name)),
            str(place),
        ),
    )


def stage_order(phase: str) -> int:
    """Put the phases in the order in which they are trained."""
    return STAGES.index(phase) if phase in STAGES else -1
