"""Evaluate a model on what builds hold out or on a benchmark; stopped, it goes on where it was."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import visionflan
from visionflan.atomic_write import write_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.summary import SCORES, summary
from visionflan.evaluate.benchmarks import load
from visionflan.evaluate.inference import BatchRunner, RequestContext
from visionflan.evaluate.judge.apply_verdicts import apply_verdicts
from visionflan.evaluate.judge.judgments import JUDGMENTS, read_judgments
from visionflan.evaluate.models.base import EvalModel
from visionflan.evaluate.records.document_frequencies import read_frequencies, write_frequencies
from visionflan.evaluate.records.header import Header, generation, read_header, write_header
from visionflan.evaluate.records.record import (
    CONDITIONS,
    JOURNAL,
    RECORDS,
    Condition,
    Journal,
    Record,
    read_records,
    write_records,
)
from visionflan.evaluate.records.resume import Say, resume_header
from visionflan.evaluate.requests import EvalRequest, EvalSet, limit_items, make_requests
from visionflan.evaluate.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How questions are asked, and in which batches.

    `limit` takes about that many items of each task, in complete clusters of images.
    `loglikelihood` also computes the log-probability of each candidate of closed questions.
    `batch_size` is halved when memory runs out.
    """

    conditions: tuple[Condition, ...] = CONDITIONS
    limit: int | None = None
    max_new_tokens: int = 64
    batch_size: int = 64
    loglikelihood: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would ever be asked."""
        for name in ("limit", "max_new_tokens", "batch_size"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise EvaluationError(f"{name} is {number}: it must be at least 1")


@dataclass(frozen=True, kw_only=True)
class EvalSubject:
    """Who is asked: a model, where it lies, and which phase of which run it is."""

    answerer: EvalModel
    path: Path
    run: str
    stage: str


def evaluate(
    subject: EvalSubject,
    chosen: EvalSet,
    out: Path,
    settings: EvaluationSettings,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Ask what was not answered yet, keep records in `out`, and give the scores.

    Answers of other weights, items or settings are set aside, never mixed and never thrown away;
    that is said.
    """
    header = resume_header(out, make_header(subject, chosen, settings), say)
    out.mkdir(parents=True, exist_ok=True)
    write_header(out, header)
    write_frequencies(out, captions(chosen))
    answered = load_answered(out)
    waiting = [
        ask
        for ask in list_requests(chosen, settings)
        if needs_run(answered.get(ask.key), ask, settings)
    ]
    asking = RequestContext(
        run=header.run,
        stage=header.stage,
        checkpoint=header.checkpoint,
        generation_config=header.generation_config,
        max_new_tokens=settings.max_new_tokens,
        loglikelihood=settings.loglikelihood,
    )
    batches = BatchRunner(subject.answerer, asking, settings.batch_size)
    title = " ".join(filter(None, ("ask", header.stage, header.benchmark)))
    for record in answers(batches, waiting, Journal(out / JOURNAL), title):
        answered[record.key] = record
    return score_and_save(out, header, list(answered.values()))


def make_header(subject: EvalSubject, chosen: EvalSet, settings: EvaluationSettings) -> Header:
    """Write down who is asked about what, and how."""
    return Header(
        run=subject.run,
        stage=subject.stage,
        checkpoint=subject.answerer.digest,
        checkpoint_path=str(subject.path),
        sources=tuple(source.digest for source in chosen.sources),
        source_paths=tuple(str(source.path) for source in chosen.sources),
        generation_config=generation(settings.max_new_tokens, subject.answerer.precision),
        conditions=settings.conditions,
        limit=settings.limit,
        tasks=chosen.tasks,
        benchmark=chosen.benchmark,
        prompt_style=chosen.prompt_style,
        data_version=chosen.data_version,
        notes=chosen.notes,
        versions={"visionflan": visionflan.__version__, "python": platform.python_version()},
    )


def captions(chosen: EvalSet) -> dict[str, list[tuple[str, ...]]]:
    """Gather the references of all items of the captioning tasks."""
    return {
        task: [item.references for item in items]
        for task, items in chosen.items.items()
        if chosen.tasks[task].metric == "cider"
    }


def load_answered(out: Path) -> dict[tuple[str, str, str], Record]:
    """Gather what was answered before; what failed is asked again."""
    kept = read_records(out / RECORDS) if (out / RECORDS).is_file() else []
    return {record.key: record for record in (*kept, *Journal(out / JOURNAL)) if not record.error}


def list_requests(chosen: EvalSet, settings: EvaluationSettings) -> list[EvalRequest]:
    """List every question under every condition, each once."""
    found = {
        ask.key: ask
        for items in chosen.items.values()
        for ask in make_requests(items, limit_items(items, settings.limit), settings.conditions)
    }
    return list(found.values())


def needs_run(record: Record | None, ask: EvalRequest, settings: EvaluationSettings) -> bool:
    """Whether a question is yet to be asked, or its candidates to be weighed."""
    if record is None:
        return True
    return settings.loglikelihood and bool(ask.closed_answers) and not record.logprobs


def answers(
    batches: BatchRunner, waiting: Sequence[EvalRequest], journal: Journal, title: str
) -> Iterator[Record]:
    """Ask in batches, noting each batch in the journal as it is answered."""
    from tqdm import tqdm  # slow to import, and scoring alone does not need it

    with tqdm(total=len(waiting), desc=title, unit="answer", disable=None) as bar:
        for records in batches.records(waiting):
            journal.append(records)
            bar.update(len(records))
            yield from records


def score_and_save(out: Path, header: Header, records: list[Record]) -> dict[str, Any]:
    """Score all records, write them and their scores, and drop the journal that they came from."""
    scorer = Scorer(header.tasks, read_frequencies(out))
    scored = [scorer.scored(record) for record in records]
    if header.benchmark and (rubric := load(header.benchmark).rubric):
        scored, judge = apply_verdicts(
            scored, rubric, read_judgments(out / JUDGMENTS), header.judge
        )
        header = replace(header, judge=judge)
        write_header(out, header)
    write_records(out / RECORDS, scored)
    (out / JOURNAL).unlink(missing_ok=True)
    scores = summary(scored, header, scorer)
    write_json(out / SCORES, scores)
    return scores


def rescore(out: Path, judge: str = "") -> dict[str, Any]:
    """Compute the scores again from the records of an evaluation, without a model.

    With several judges the verdicts of the named one count, from now on.
    """
    header = read_header(out)
    header = replace(header, judge=judge or header.judge)
    if not (out / RECORDS).is_file():
        raise EvaluationError(f"{out} holds no {RECORDS}: its evaluation was stopped; run it again")
    return score_and_save(out, header, read_records(out / RECORDS))
