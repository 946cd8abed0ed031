"""Train, evaluate and compare checkpoints from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.api.arguments import Log, PathLike, no_log

if TYPE_CHECKING:
    from visionflan.compare.results import Comparison
    from visionflan.evaluate.plan import EvalSelection
    from visionflan.evaluate.run import EvaluationResult
    from visionflan.train.config import TrainConfig


def run_training(
    recipe: "TrainConfig | str",
    out: PathLike,
    *,
    build: PathLike | None = None,
    stage: str | None = None,
    overrides: Sequence[str] = (),
    log: Log = no_log,
) -> Path:
    """Train the stages of a recipe that are not done yet.

    Args:
        recipe: A configuration, a short name such as `tiny` or `chat_7b`, or `package.module:name`.
        out: The directory of the run; an interrupted run is resumed.
        build: The build directory that the stages read, unless the recipe names one.
        stage: Train this stage only.
        overrides: Changed settings, as in `stages.base.learning_rate=1e-5`.
        log: Called with a line for each stage.

    Returns:
        The checkpoint of the last stage, a directory that `transformers` loads.

    Examples:
        >>> from visionflan import run_training
        >>> short = [f"stages.{name}.steps=2" for name in ("align", "base", "chat")]
        >>> short += ["pretrain.vision_steps=2", "pretrain.language_steps=2"]
        >>> short += ["stages.chat.data.synthetic_conversations=20", "runtime.num_threads=1"]
        >>> checkpoint = run_training("tiny", "run", build="build", overrides=short)
        >>> checkpoint.as_posix()
        'run/chat/checkpoint'
    """
    from dataclasses import replace

    from visionflan.recipes import find
    from visionflan.train.config_io import override
    from visionflan.train.run import train

    config = find(recipe) if isinstance(recipe, str) else recipe
    if build is not None:
        config = replace(config, build=Path(build).resolve())
    for setting in overrides:
        config = override(config, setting)
    return train(config, Path(out), only=stage, log=log)


def run_evaluation(
    model: PathLike,
    selection: "EvalSelection | None" = None,
    *,
    out: PathLike | None = None,
    device: str = "auto",
    log: Log = no_log,
) -> "list[EvaluationResult]":
    """Run a checkpoint, or stages of a run, on held-out tasks or benchmarks, and score it.

    Args:
        model: A checkpoint, or a run, whose Base and Chat stages are evaluated by default.
        selection: Tasks or benchmarks, stages, image conditions and limits; by default the held-out
            instances of the builds that the run was trained on.
        out: Where the records go; by default into the run.
        device: `auto`, `cpu`, `cuda` or `mps`.
        log: Called with a line for each finished evaluation.

    Returns:
        The directory and the scores of each evaluation.

    Examples:
        >>> from visionflan import EvalSelection, run_evaluation
        >>> results = run_evaluation("run", EvalSelection(builds=(Path("build"),), limit=2))
        >>> [result.directory.name for result in results]
        ['base', 'chat']
        >>> sorted(path.name for path in results[0].directory.iterdir())[:2]
        ['evaluation.json', 'records.parquet']
    """
    from visionflan.evaluate.plan import EvalSelection
    from visionflan.evaluate.stages import evaluate_stages

    directory = None if out is None else Path(out)
    return evaluate_stages(Path(model), selection or EvalSelection(), directory, device, log)


def run_comparison(
    before: PathLike, after: PathLike | None = None, *, answers: PathLike | None = None
) -> "Comparison":
    """Compare the answers of two checkpoints to the same questions.

    Args:
        before: A run, a stage of a run (`run/base`), or a directory of evaluations.
        after: The same for the other side; by default the last stage of the run `before`.
        answers: The directory of the answers of persons, who are set beside both sides.

    Returns:
        All differences with intervals and tests, and every pair of answers.

    Examples:
        >>> from visionflan import run_comparison
        >>> comparison = run_comparison("run")
        >>> comparison.before.stage, comparison.after.stage
        ('base', 'chat')
        >>> all(-1 <= difference.change <= 1 for difference in comparison.differences)
        True
    """
    from visionflan.compare.run import load_comparison

    paths = (None if path is None else Path(path) for path in (after, answers))
    return load_comparison(Path(before), *paths).comparison
