"""Summarize the training of a run: its stages, their data, and loss curves."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from visionflan.report.charts import loss_curve
from visionflan.report.run_page.inputs import RunData, StageTraining

PARTS = {
    "vision_tower": "vision tower",
    "connector": "connector",
    "language_model": "language model",
}
# What the stages of our recipes do, where the vision tower is frozen.
DESCRIPTIONS = {
    "align": "Only the connector is trained: it maps the features of the frozen vision tower to "
    "inputs of the language model.",
    "base": "Stage 1: instruction tuning on the tasks of the build. The vision tower is frozen.",
    "chat": "Stage 2: tuning on conversations, to answer in the style of a chat. The vision tower "
    "is frozen.",
}


class LossCurve(NamedTuple):
    """A loss over the steps of one stage."""

    name: str
    first: float
    last: float
    chart: Markup
    held_out: tuple[float, float] | None = None  # the first and the last loss of held-out rows


class StageSummary(NamedTuple):
    """One stage of training; a number that was not measured is None."""

    name: str
    description: str
    trainable: str
    steps: int
    instances: int | None
    elapsed_seconds: float | None
    samples_per_second: float | None
    padding_fraction: float | None
    curves: Sequence[LossCurve]
    note: str  # why there is no curve; "" if there is one
    validation: str  # what was saved and whether the stage stopped early; "" without validation
    alarms: Sequence[str]


class TrainingSection(NamedTuple):
    """The initialization and the stages of training."""

    initialization: str
    stages: Sequence[StageSummary]


def training_section(run: RunData) -> TrainingSection | None:
    """Summarize the training of a run; None if it left no metrics."""
    stages = stage_summaries(run)
    return TrainingSection(initialization(run), stages) if stages else None


def stage_summaries(run: RunData) -> list[StageSummary]:
    """Summarize each stage, in order."""
    stages = {stage["name"]: stage for stage in run.config.get("stages", ())}
    return [summarize_stage(training, stages.get(training.name, {})) for training in run.trainings]


def initialization(run: RunData) -> str:
    """Describe the pretrained parts of the model; "" if the run trained them itself."""
    config = run.config.get("init") or {}
    descriptions = {
        "vision_tower": "The vision tower is",
        "language_model": "The language model is",
        "checkpoint": "The model is initialized from the checkpoint",
    }
    own = run.run.resolve()
    sources = {part: Path(config[part]) for part in descriptions if config.get(part)}
    return " ".join(
        f"{descriptions[part]} {path}." for part, path in sources.items() if own not in path.parents
    )


def summarize_stage(training: StageTraining, config: Mapping[str, Any]) -> StageSummary:
    """Summarize one stage from its metadata, metrics and configuration."""
    metrics, metadata = training.metrics, training.metadata
    last = metrics[-1] if metrics else {}
    is_frozen = "vision_tower" not in config.get("trainable", ("vision_tower",))
    default = DESCRIPTIONS.get(training.name, "") if is_frozen else ""
    curves = list(loss_curves(training.name, metrics, training.validations))
    return StageSummary(
        name=training.name,
        description=str(metadata.get("description") or default),
        trainable=", ".join(PARTS.get(part, part) for part in config.get("trainable", ())),
        steps=int(metadata.get("steps") or last.get("step") or len(metrics)),
        instances=(metadata.get("data") or {}).get("instances"),
        elapsed_seconds=metadata.get("elapsed_seconds") or last.get("elapsed_seconds"),
        samples_per_second=mean(metrics, "samples_per_second"),
        padding_fraction=mean(metrics, "padding_fraction"),
        curves=curves,
        note="" if curves else missing_curve_note(metrics),
        validation=describe_validation(metadata.get("validation")),
        alarms=training.alarms,
    )


def describe_validation(validation: Mapping[str, Any] | None) -> str:
    """Describe which weights a stage saved, and why it stopped early; "" without validation."""
    if validation is None:
        return ""
    best, saved = validation["best_step"], validation["saved_step"]
    reason = validation["stopped_early"]
    return (
        f"has the weights after step {saved:,}. Its held-out loss was lowest after step {best:,}: "
        f"{validation['best_loss']:.3f}.{f' It {reason}.' if reason else ''}"
    )


def loss_curves(
    name: str,
    metrics: Sequence[Mapping[str, Any]],
    validations: Sequence[Mapping[str, Any]] = (),
) -> Iterator[LossCurve]:
    """Draw every loss in the metrics over its steps, with that of held-out rows beside it."""
    for key, points in loss_points(metrics).items():
        if len(points) > 1:
            part = loss_part(key)
            title = f"{name}: {part}" if part else name
            alt = f"Loss of {title}, from {points[0][1]:.2f} to {points[-1][1]:.2f}"
            held_out = loss_points(validations).get(key, [])
            ends = (held_out[0][1], held_out[-1][1]) if held_out else None
            if ends is not None:
                alt += f"; of held-out rows, from {ends[0]:.2f} to {ends[1]:.2f}"
            chart = loss_curve(points, alt, held_out)
            yield LossCurve(title, points[0][1], points[-1][1], chart, ends)


def loss_points(metrics: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Return the `(step, loss)` points of every loss in the metrics, by its key."""
    keys = dict.fromkeys(key for line in metrics for key in line if f"_{key}".endswith("_loss"))
    return {
        key: [
            (float(line.get("step", index)), float(line[key]))
            for index, line in enumerate(metrics)
            if isinstance(line.get(key), int | float) and isfinite(line[key])
        ]
        for key in keys
    }


def loss_part(key: str) -> str:
    """Return the part of the model that a loss is of; "" for the loss of a stage."""
    return key.removesuffix("loss").replace("_", " ").strip()


def missing_curve_note(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Explain why a stage has no loss curve: it recorded its loss once or never."""
    recorded = {key: points[0] for key, points in loss_points(metrics).items() if points}
    if not recorded:
        return "has no loss curve: it recorded no loss."
    losses = ", ".join(
        f"{loss_part(key) or 'loss'} {loss:.2f} at step {step:,.0f}"
        for key, (step, loss) in recorded.items()
    )
    return f"has no loss curve: it is so short that it recorded its loss only once ({losses})."


def mean(metrics: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Average a metric over the lines that have it."""
    values = [float(line[key]) for line in metrics if isinstance(line.get(key), int | float)]
    return sum(values) / len(values) if values else None
