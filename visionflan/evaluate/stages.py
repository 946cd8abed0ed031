"""Evaluate a checkpoint, or stages of a run, as a selection plans it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from visionflan.evaluate.models.base import EvalModel
from visionflan.evaluate.models.cached import CachedModel
from visionflan.evaluate.models.checkpoint import CheckpointModel
from visionflan.evaluate.models.vllm_engine import VllmModel
from visionflan.evaluate.plan import EvalSelection, open_releases, plan_evaluations
from visionflan.evaluate.processes import EvalProcesses, join_processes
from visionflan.evaluate.records.paths import checkpoints
from visionflan.evaluate.run import EvaluationResult, evaluate
from visionflan.evaluate.subject import EvalSubject
from visionflan.plural import counted

Log = Callable[[str], None]


def evaluate_stages(
    model: Path, selection: EvalSelection, out: Path | None, device: str, log: Log
) -> list[EvaluationResult]:
    """Run the planned evaluations of each stage; return the directory and scores of each.

    Args:
        model: a checkpoint or a run.
        selection: tasks or benchmarks, stages, image conditions and limits.
        out: where the records go; None: into the run.
        device: `auto`, `cpu`, `cuda` or `mps`.
        log: called with a line for each finished evaluation.
    """
    with join_processes() as processes:
        return evaluate_share(model, selection, out, device, log, processes)


def load_model(path: Path, device: str, selection: EvalSelection) -> EvalModel:
    """Return a checkpoint that the selected engine runs."""
    if selection.engine == "vllm":
        return VllmModel(path, device)
    return CheckpointModel(path, device, batch_size=selection.batch_size)


def evaluate_share(
    model: Path,
    selection: EvalSelection,
    out: Path | None,
    device: str,
    log: Log,
    processes: EvalProcesses,
) -> list[EvaluationResult]:
    """Run the planned evaluations of each stage as one of several processes."""
    if selection.engine == "vllm":
        selection = replace(selection, loglikelihood=False)
    results = []
    releases = open_releases(selection)
    for paths in checkpoints(model, selection.stages, out):
        loaded = load_model(paths.checkpoint, device, selection)
        subject = EvalSubject(
            model=CachedModel(loaded, paths.response_cache) if selection.cache else loaded,
            path=paths.checkpoint,
            run=paths.run.name,
            stage=paths.stage,
        )
        for planned in plan_evaluations(selection, paths, releases):
            if not planned.is_part:
                log(f"{paths.stage}: {planned.eval_set.overlap.describe()}")
            scores = evaluate(
                subject, planned.eval_set, planned.out, planned.settings, log, processes
            )
            if not planned.is_part:
                results.append(EvaluationResult(planned.out, scores))
            log(f"{paths.stage}: {counted(scores['records'], 'answer')} in {planned.out}")
    return results
