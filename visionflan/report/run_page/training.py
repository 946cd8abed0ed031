"""Tell how a model was made: its phases, what each trained and on how much, and its losses."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from visionflan.report.charts import curve
from visionflan.report.run_page.inputs import RunData, StageTraining

PARTS = {
    "vision_tower": "vision tower",
    "connector": "connector",
    "language_model": "language model",
}
KNOWN = {
    "align": "The connector alone learns to put what the frozen tower sees into the language "
    "model's terms.",
    "base": "Stage 1: the model learns the tasks of the build; the tower stays as it is.",
    "chat": "Stage 2: the same parts learn from conversations to answer as people talk; the tower "
    "stays as it is.",
}


class Curve(NamedTuple):
    """One line of measurements over steps, as a chart."""

    name: str
    first: float
    last: float
    drawing: Markup


class Phase(NamedTuple):
    """One phase of training as the page tells it."""

    name: str
    words: str
    trains: str
    steps: int
    instances: int | None
    seconds: float | None
    rate: float | None
    padding: float | None
    curves: Sequence[Curve]


def stage_summaries(material: RunData) -> list[Phase]:
    """Tell about each phase in order."""
    stages = {stage["name"]: stage for stage in material.config.get("stages", ())}
    return [phase(trained, stages.get(trained.name, {})) for trained in material.trained]


def start(material: RunData) -> str:
    """Say what the first phase starts from; empty where the run made it itself."""
    told = material.config.get("init") or {}
    names = {
        "vision_tower": "The vision tower is",
        "language_model": "The language model is",
        "checkpoint": "Everything starts from the checkpoint",
    }
    own = material.run.resolve()
    given = {part: Path(told[part]) for part in names if told.get(part)}
    return " ".join(
        f"{names[part]} {path}." for part, path in given.items() if own not in path.parents
    )


def phase(trained: StageTraining, stage: Mapping[str, Any]) -> Phase:
    """Tell about one phase; what was not measured is left out."""
    lines, told = trained.lines, trained.told
    last = lines[-1] if lines else {}
    frozen = "vision_tower" not in stage.get("trainable", ("vision_tower",))
    return Phase(
        name=trained.name,
        words=str(told.get("about") or (KNOWN.get(trained.name, "") if frozen else "")),
        trains=", ".join(PARTS.get(part, part) for part in stage.get("trainable", ())),
        steps=int(told.get("steps") or last.get("step") or len(lines)),
        instances=(told.get("data") or {}).get("instances"),
        seconds=told.get("seconds") or last.get("seconds"),
        rate=mean(lines, "samples_per_second"),
        padding=mean(lines, "padding"),
        curves=list(curves(trained.name, lines)),
    )


def curves(name: str, lines: Sequence[Mapping[str, Any]]) -> Iterator[Curve]:
    """Draw every loss that the lines hold, each over its steps."""
    keys = dict.fromkeys(key for line in lines for key in line if f"_{key}".endswith("_loss"))
    for key in keys:
        points = [
            (float(line.get("step", place)), float(line[key]))
            for place, line in enumerate(lines)
            if isinstance(line.get(key), int | float) and isfinite(line[key])
        ]
        if len(points) > 1:
            part = key.removesuffix("loss").replace("_", " ").strip()
            title = f"{name}: {part}" if part else name
            spoken = f"Loss of {title}, from {points[0][1]:.2f} to {points[-1][1]:.2f}"
            yield Curve(title, points[0][1], points[-1][1], curve(points, spoken))


def mean(lines: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Average a measurement over the lines that hold it."""
    values = [float(line[key]) for line in lines if isinstance(line.get(key), int | float)]
    return sum(values) / len(values) if values else None
