"""What an evaluation's records have in common: who was asked, about what, and how."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.record import SCHEMA

HEADER = "evaluation.json"
TUPLES = ("sources", "source_paths", "conditions", "notes")


@dataclass(frozen=True, kw_only=True)
class TaskHeader:
    """What is said of a task; `trained` counts its training instances, 0 is wholly held out."""

    dataset: str
    official_name: str
    title: str
    category: str
    group: str
    metric: str
    sensitive: bool
    num_train: int
    held_out: int
    num_train_answers: int
    candidates: tuple[str, ...]
    conversation: bool


@dataclass(frozen=True, kw_only=True)
class Header:
    """What was asked of whom, and how.

    `checkpoint`, `sources` and `generation` are what answers depend on; the rest tells where
    things were and what was asked. `sources` are digests of builds, or of one benchmark's release,
    whose name, prompt style and version of files are told, with notes for readers of its scores,
    and the judge whose verdicts count.
    """

    schema: int = SCHEMA
    run: str
    stage: str
    checkpoint: str
    checkpoint_path: str
    sources: tuple[str, ...]
    source_paths: tuple[str, ...]
    generation_config: str
    conditions: tuple[str, ...]
    limit: int | None
    tasks: Mapping[str, TaskHeader]
    benchmark: str = ""
    prompt_style: str = ""
    data_version: str = ""
    notes: tuple[str, ...] = ()
    judge: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[object, ...]:
        """What must be the same for answers to be kept together."""
        return self.schema, self.checkpoint, self.sources, self.generation_config, self.prompt_style


def write_header(folder: Path, header: Header) -> None:
    """Write the header of an evaluation's folder."""
    write_json(folder / HEADER, asdict(header))


def read_header(folder: Path) -> Header:
    """Read the header of an evaluation's folder."""
    path = folder / HEADER
    if not path.is_file():
        raise EvaluationError(f"{folder} is no evaluation: it holds no {HEADER}")
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        if kept["schema"] != SCHEMA:
            raise ValueError(f"it is of version {kept['schema']} instead of {SCHEMA}")
        tasks = {
            task: TaskHeader(**{**told, "candidates": tuple(told["candidates"])})
            for task, told in kept.pop("tasks").items()
        }
        kept |= {name: tuple(kept[name]) for name in TUPLES}
        return Header(**kept, tasks=tasks)
    except (ValueError, TypeError, KeyError) as fault:
        raise EvaluationError(
            f"{path} is not the header of an evaluation of this version: {fault}"
        ) from fault


def generation(max_new_tokens: int, precision: str) -> str:
    """Write down how answers are made: what differs here may answer differently."""
    settings = {"max_new_tokens": max_new_tokens, "precision": precision, "sampling": "greedy"}
    return json.dumps(settings, sort_keys=True)
