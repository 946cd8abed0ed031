"""The header of an evaluation: the common fields of its records."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.files import HEADER
from visionflan.evaluate.records.record import SCHEMA
from visionflan.plural import counted

ENGINES = ("server", "vllm")  # begin the precision of answers that transformers did not compute
HUMAN = "human"  # the precision of a person's answers, which have no settings of generation
TUPLES = ("sources", "source_paths", "conditions", "notes")


@dataclass(frozen=True, kw_only=True)
class TaskHeader:
    """Metadata and training statistics of one task."""

    dataset: str
    official_name: str
    title: str
    category: str
    group: str  # the primary group that averages are made over
    metric: str
    sensitive: bool
    num_train: int  # training instances; 0: the task is held out completely
    held_out: int  # held-out items
    num_train_answers: int  # distinct training answers
    candidates: tuple[str, ...]  # all answers of a task with a closed set; else empty
    conversation: bool  # free conversation, which no average counts


@dataclass(frozen=True, kw_only=True)
class TrainingOverlap:
    """How many questions are about images that the checkpoint was trained on, or alike ones."""

    known: bool = False  # whether all images that it was trained on are known
    included: bool = False  # whether these questions are included, rather than left out
    questions: Mapping[str, int] = field(default_factory=dict)  # by task; none if there are none
    images: int = 0  # that they are about

    @property
    def count(self) -> int:
        """The number of these questions."""
        return sum(self.questions.values())

    def describe(self) -> str:
        """Return in sentences how many questions there are, and what became of them."""
        count = self.count
        sentences = []
        if count:
            sentences.append(
                f"{counted(count, 'question')} {'is' if count == 1 else 'are'} about images that "
                "this checkpoint was trained on, or that look like those, and "
                f"{'included' if self.included else 'left out'}"
            )
        elif self.known:
            sentences.append(
                "This checkpoint was trained on none of the images, nor on any like them"
            )
        if not self.known:
            sentences.append(
                f"Whether {'the other' if count else 'the'} images were trained on is not known: "
                "there is no complete record of the training images"
            )
        return " ".join(f"{sentence}." for sentence in sentences)


@dataclass(frozen=True, kw_only=True)
class ModelHeader:
    """How the answers of a model were computed, and what is missing therefore."""

    engine: str = "transformers"  # or `server`, `vllm`, `human`
    chat_template: str = "the checkpoint's own"  # part of the checkpoint's digest
    no_likelihoods: str = ""  # why there are no log-likelihoods; empty if there can be
    server: Mapping[str, Any] = field(default_factory=dict)  # what a server says about the model


@dataclass(frozen=True, kw_only=True)
class Header:
    """The contents of `evaluation.json`.

    Answers depend on `checkpoint`, `sources`, `generation_config` and `prompt_style`, and scores on
    whether questions about trained images are included; the rest says where files are and what was
    evaluated.
    """

    schema: int = SCHEMA
    run: str
    stage: str
    checkpoint: str  # digest of the checkpoint
    checkpoint_path: str
    sources: tuple[str, ...]  # digests of builds, or of one benchmark's release
    source_paths: tuple[str, ...]
    generation_config: str  # JSON
    conditions: tuple[str, ...]
    limit: int | None  # about that many items per task; None: all
    tasks: Mapping[str, TaskHeader]
    benchmark: str = ""  # empty for held-out tasks
    prompt_style: str = ""  # of the benchmark
    data_version: str = ""  # of the benchmark's files
    notes: tuple[str, ...] = ()  # for readers of the scores
    overlap: TrainingOverlap = field(default_factory=TrainingOverlap)
    judge: str = ""  # the judge whose verdicts count
    model: ModelHeader = field(default_factory=ModelHeader)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[object, ...]:
        """The fields that must be equal for answers to be stored together."""
        return (
            self.schema,
            self.checkpoint,
            self.sources,
            self.generation_config,
            self.prompt_style,
            self.overlap.included,
            self.overlap.known,
        )


def write_header(directory: Path, header: Header) -> None:
    """Write the header of an evaluation."""
    write_json(directory / HEADER, asdict(header))


def read_header(directory: Path) -> Header:
    """Read the header of an evaluation."""
    path = directory / HEADER
    if not path.is_file():
        raise EvaluationError(f"{directory} is not an evaluation directory: {HEADER} is missing")
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        if fields["schema"] != SCHEMA:
            raise ValueError(f"its schema is {fields['schema']} instead of {SCHEMA}")
        tasks = {
            task: TaskHeader(**{**header, "candidates": tuple(header["candidates"])})
            for task, header in fields.pop("tasks").items()
        }
        fields |= {name: tuple(fields[name]) for name in TUPLES}
        overlap = TrainingOverlap(**fields.pop("overlap"))
        model = ModelHeader(**fields.pop("model", {}))
        return Header(**fields, tasks=tasks, overlap=overlap, model=model)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise EvaluationError(
            f"{path} is not the header of an evaluation of this version ({error}): evaluate again"
        ) from error


def generation_config(max_new_tokens: int, precision: str) -> str:
    """Return the generation settings as JSON: answers may differ where they differ."""
    settings = {"max_new_tokens": max_new_tokens, "precision": precision, "sampling": "greedy"}
    return json.dumps(settings, sort_keys=True)


def same_generation(first: str, second: str) -> bool:
    """Return whether two generation settings differ in nothing but the engine that computes.

    The precision of a server is not known, and that of another engine has its name: answers of
    different engines are compared all the same, and those of a person with all.
    """
    if first == second:
        return True
    try:
        settings: list[dict[str, Any]] = [json.loads(first), json.loads(second)]
        precisions = [str(each.pop("precision")) for each in settings]
    except (ValueError, KeyError, AttributeError):  # another program wrote them
        return False
    engines = [precision.startswith(ENGINES) for precision in precisions]
    return HUMAN in precisions or (any(engines) and settings[0] == settings[1])
