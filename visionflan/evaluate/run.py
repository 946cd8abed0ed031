"""Evaluate a model on held-out tasks or a benchmark; an interrupted evaluation resumes."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.atomic_write import sole_user, write_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.summary import summary
from visionflan.evaluate.benchmarks import load
from visionflan.evaluate.concurrent_inference import make_runner
from visionflan.evaluate.inference import RequestContext
from visionflan.evaluate.judge.apply_verdicts import apply_verdicts
from visionflan.evaluate.judge.judgments import read_judgments
from visionflan.evaluate.models.base import EvalModel
from visionflan.evaluate.phrasings import PHRASINGS, sensitivity
from visionflan.evaluate.processes import ONE_PROCESS, EvalProcesses
from visionflan.evaluate.records.document_frequencies import read_frequencies, write_frequencies
from visionflan.evaluate.records.files import JUDGMENTS, RECORDS, SCORES
from visionflan.evaluate.records.header import (
    Header,
    read_header,
    write_header,
)
from visionflan.evaluate.records.journal import journal_of, journals
from visionflan.evaluate.records.record import Record, read_records, write_records
from visionflan.evaluate.records.resume import (
    EvaluationOutput,
    Log,
    open_output,
    replace_previous,
)
from visionflan.evaluate.requests import EvalRequest, EvalSet, limit_items, make_requests
from visionflan.evaluate.scorer import Scorer, metric_of
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject, make_header
from visionflan.progress import ProgressBar


class EvaluationResult(NamedTuple):
    """A finished evaluation."""

    directory: Path  # holds the header, records and scores
    scores: dict[str, Any]  # as in scores.json


def evaluate(
    subject: EvalSubject,
    eval_set: EvalSet,
    out: Path,
    settings: EvaluationSettings,
    log: Log = lambda line: None,
    processes: EvalProcesses = ONE_PROCESS,
) -> dict[str, Any]:
    """Run the requests that have no answer yet, write records to `out`, and return the scores.

    Answers of other weights, items or settings are moved to `previous/` when the new ones are
    complete, and the reason is logged. Of several processes each runs its share.

    Raises EvaluationError if another command evaluates into `out`.
    """
    with sole_evaluation(out, processes):
        directory, header = start(subject, eval_set, out, settings, log, processes)
        answered = load_answered(directory, eval_set.left_out)
        waiting = [
            request
            for request in list_requests(eval_set, settings)
            if needs_run(answered.get(request.key), request, settings)
        ]
        processes.barrier()  # no answer is written before all know what is waiting
        answer_share(subject.model, header, settings, directory, waiting, processes)
        processes.barrier()
        scores: dict[str, Any] = {}
        if processes.is_main:
            stored = load_records(directory, eval_set.left_out)
            keys = {request.key for request in waiting}
            # What failed in an earlier run, and was not run again, is no record of this one.
            records = [record for record in stored if not record.error or record.key in keys]
            scores = complete(directory, header, out, records)
        processes.barrier()
        return scores or json.loads((out / SCORES).read_bytes())


@contextmanager
def sole_evaluation(out: Path, processes: EvalProcesses) -> Iterator[None]:
    """Lock a directory in the main process, for which the others wait."""
    with ExitStack() as stack:
        if processes.is_main:
            try:
                stack.enter_context(sole_user(out))
            except BlockingIOError:
                raise EvaluationError(
                    f"another evaluation is writing to {out}: wait for it to end, or choose "
                    "another --out"
                ) from None
        yield


def start(
    subject: EvalSubject,
    eval_set: EvalSet,
    out: Path,
    settings: EvaluationSettings,
    log: Log,
    processes: EvalProcesses,
) -> EvaluationOutput:
    """Return where answers go, after the main process has written the header there."""
    header = make_header(subject, eval_set, settings)
    if processes.is_main:
        opened = open_output(out, header, log)
        opened.directory.mkdir(parents=True, exist_ok=True)
        write_header(opened.directory, opened.header)
        write_frequencies(opened.directory, references_to_count(eval_set))
    processes.barrier()
    return opened if processes.is_main else open_output(out, header, lambda line: None)


def answer_share(
    model: EvalModel,
    header: Header,
    settings: EvaluationSettings,
    directory: Path,
    waiting: Sequence[EvalRequest],
    processes: EvalProcesses,
) -> None:
    """Answer the share of this process, each batch in its journal before the next."""
    context = RequestContext(
        run=header.run,
        stage=header.stage,
        checkpoint=header.checkpoint,
        generation_config=header.generation_config,
        max_new_tokens=settings.max_new_tokens,
        loglikelihood=settings.loglikelihood,
    )
    runner = make_runner(model, context, settings.batch_size)
    title = " ".join(filter(None, ("evaluate", header.stage, header.benchmark)))
    requests = processes.share(waiting, settings.batch_size)
    journal = journal_of(directory, processes.rank)
    with ProgressBar(
        title, len(requests), unit="answers", leave=True, silent=not processes.is_main
    ) as progress:
        for records in runner.records(requests):
            journal.append(records)
            progress.update(len(records))


def complete(directory: Path, header: Header, out: Path, records: list[Record]) -> dict[str, Any]:
    """Score all answers of a directory, which takes the place of `out`; return the scores."""
    scores = score_and_save(directory, header, records)
    if directory == out:
        return scores
    replace_previous(out, directory)
    return rescore(out)  # its phrasings lie in the directory itself


def references_to_count(eval_set: EvalSet) -> dict[str, list[tuple[str, ...]]]:
    """Return the references of each item of the tasks whose metric needs document frequencies."""
    return {
        task: [item.references for item in items]
        for task, items in eval_set.items.items()
        if metric_of(eval_set.tasks[task].metric).needs_document_frequencies
    }


def load_answered(
    out: Path, left_out: Collection[tuple[str, str]]
) -> dict[tuple[str, str, str], Record]:
    """Return the stored records with an answer by key; those that failed are run again.

    Questions that are left out now, by task and sample key, may have been asked before.
    """
    return {record.key: record for record in load_records(out, left_out) if not record.error}


def load_records(out: Path, left_out: Collection[tuple[str, str]]) -> list[Record]:
    """Return the stored records and those of all journals, the best one of each question.

    That is one with an answer, and with log-likelihoods if there are any. What failed in an earlier
    evaluation is left out.
    """
    stored = [
        record
        for record in (read_records(out / RECORDS) if (out / RECORDS).is_file() else ())
        if not record.error
    ]
    records: dict[tuple[str, str, str], Record] = {}
    for record in chain(stored, *journals(out)):
        known = records.get(record.key)
        if record.key[:2] not in left_out and (known is None or rank(record) >= rank(known)):
            records[record.key] = record
    return list(records.values())


def rank(record: Record) -> tuple[bool, bool]:
    """Return how complete a record is: larger is better."""
    return not record.error, bool(record.logprobs)


def list_requests(eval_set: EvalSet, settings: EvaluationSettings) -> list[EvalRequest]:
    """Return every item under every condition, each once."""
    requests = {
        request.key: request
        for items in eval_set.items.values()
        for request in make_requests(items, limit_items(items, settings.limit), settings.conditions)
    }
    return list(requests.values())


def needs_run(record: Record | None, request: EvalRequest, settings: EvaluationSettings) -> bool:
    """Return whether a request has no answer, or lacks the log-likelihoods of its candidates."""
    if record is None:
        return True
    return settings.loglikelihood and bool(request.scored_candidates) and not record.logprobs


def score_and_save(out: Path, header: Header, records: list[Record]) -> dict[str, Any]:
    """Score records, write them and the scores of the tasks, and remove the journal."""
    scorer = Scorer(header.tasks, read_frequencies(out))
    scored = [scorer.score(record) for record in records]
    if header.benchmark and (rubric := load(header.benchmark).rubric):
        scored, judge = apply_verdicts(
            scored, rubric, read_judgments(out / JUDGMENTS), header.judge
        )
        header = replace(header, judge=judge)
        write_header(out, header)
    write_records(out / RECORDS, scored)
    for journal in journals(out):
        journal.path.unlink()
    scores = summary(scored, header, scorer) | sensitivity(out, header, scored)
    write_json(out / SCORES, scores)
    return scores


def rescore(out: Path, judge: str = "") -> dict[str, Any]:
    """Recompute the scores of an evaluation from its records, without a model.

    `judge`: the judge whose verdicts count from now on, if there are several.
    """
    header = read_header(out)
    header = replace(header, judge=judge or header.judge)
    if (out / PHRASINGS / RECORDS).is_file():
        rescore(out / PHRASINGS)
    if not (out / RECORDS).is_file():
        raise EvaluationError(
            f"{out} contains no {RECORDS}: its evaluation was interrupted; run the same "
            "command again to resume"
        )
    return score_and_save(out, header, read_records(out / RECORDS))
