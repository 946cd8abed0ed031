"""The subject of an evaluation, and the header of its answers."""

import platform
from dataclasses import dataclass
from pathlib import Path

import visionflan
from visionflan.evaluate.models.base import DescribedModel, EvalModel
from visionflan.evaluate.models.cached import CachedModel
from visionflan.evaluate.records.header import Header, ModelHeader, generation_config
from visionflan.evaluate.requests import EvalSet
from visionflan.evaluate.settings import EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class EvalSubject:
    """The subject of an evaluation: a model, its path, and its stage of a run."""

    model: EvalModel
    path: Path | str  # of a checkpoint, or the URL of a server
    run: str
    stage: str


def make_header(subject: EvalSubject, eval_set: EvalSet, settings: EvaluationSettings) -> Header:
    """Return the header of a new evaluation."""
    return Header(
        run=subject.run,
        stage=subject.stage,
        checkpoint=subject.model.digest,
        checkpoint_path=str(subject.path),
        sources=tuple(source.digest for source in eval_set.sources),
        source_paths=tuple(str(source.path.resolve()) for source in eval_set.sources),
        generation_config=generation_config(settings.max_new_tokens, subject.model.precision),
        conditions=settings.conditions,
        limit=settings.limit,
        tasks=eval_set.tasks,
        benchmark=eval_set.benchmark,
        prompt_style=eval_set.prompt_style,
        data_version=eval_set.data_version,
        notes=eval_set.notes,
        overlap=eval_set.overlap,
        model=describe_model(subject.model),
        versions={"visionflan": visionflan.__version__, "python": platform.python_version()},
    )


def describe_model(model: EvalModel) -> ModelHeader:
    """Return how the answers of a model are computed."""
    inner = model.model if isinstance(model, CachedModel) else model
    return inner.header if isinstance(inner, DescribedModel) else ModelHeader()
