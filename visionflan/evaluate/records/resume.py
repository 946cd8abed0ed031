"""Resume an evaluation, or replace it if its answers cannot be mixed with new ones."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from visionflan.evaluate.conditions import in_order
from visionflan.evaluate.records.files import (
    DOCUMENT_FREQUENCIES,
    HEADER,
    JOURNAL,
    JOURNALS,
    JUDGMENTS,
    PREVIOUS,
    RECORDS,
    SCORES,
    UNFINISHED,
)
from visionflan.evaluate.records.header import Header, TrainingOverlap, read_header
from visionflan.hashing import stable_hash

# The header is moved last: as long as it is there, the other files are known to belong to it.
FILES = (RECORDS, JOURNAL, DOCUMENT_FREQUENCIES, JUDGMENTS, SCORES, HEADER)

Log = Callable[[str], None]


class EvaluationOutput(NamedTuple):
    """Where an evaluation is written until it is complete, and its header."""

    directory: Path
    header: Header


def open_output(out: Path, header: Header, log: Log) -> EvaluationOutput:
    """Return where new answers go: to the stored ones that they fit, or a staging directory.

    Stored answers that do not fit the header stay as they are until the new ones are complete; the
    reason is logged.
    """
    staging = out / UNFINISHED / f"{stable_hash(repr(header.identity)):016x}"
    if not (out / HEADER).is_file() and (staging / HEADER).is_file():
        replace_previous(out, staging)  # it was interrupted
    if not (out / HEADER).is_file():
        return EvaluationOutput(out, header)
    stored = read_header(out)
    if stored.identity == header.identity:
        return EvaluationOutput(out, merge_headers(stored, header))
    log(
        f"{mismatch_reason(stored, header)}: the previous answers stay in {out} until the new ones "
        f"are complete, and then move to {out / PREVIOUS}"
    )
    if (staging / HEADER).is_file():
        header = merge_headers(read_header(staging), header)
    return EvaluationOutput(staging, header)


def merge_headers(stored: Header, header: Header) -> Header:
    """Return the header of the answers that are stored and those to come."""
    return replace(
        header,
        tasks={**stored.tasks, **header.tasks},
        conditions=in_order((*stored.conditions, *header.conditions)),
        overlap=merge_overlaps(stored, header),
        judge=stored.judge,
    )


def replace_previous(out: Path, staging: Path) -> None:
    """Archive the evaluation in a directory, and put the one in `staging` in its place.

    What a kill interrupts is completed by the next call of `open_output`.
    """
    if (out / HEADER).is_file():
        archive_previous(out, read_header(out))
    move_files(staging, out)
    shutil.rmtree(staging)  # also what a kill left half-written
    if not any(staging.parent.iterdir()):
        staging.parent.rmdir()


def move_files(source: Path, target: Path) -> None:
    """Move the files of an evaluation, its header last."""
    journals = [path.name for path in source.glob(JOURNALS) if path.name != JOURNAL]
    for name in (*journals, *FILES):
        if (source / name).exists():
            (source / name).replace(target / name)


def merge_overlaps(stored: Header, current: Header) -> TrainingOverlap:
    """Return the overlap of the tasks evaluated before and of those evaluated now.

    Included questions may have been more with the limit of before: their answers stay.
    """
    now = current.overlap
    earlier = {
        task: count
        for task, count in stored.overlap.questions.items()
        if now.included or task not in current.tasks
    }
    questions = {task: max(earlier.get(task, 0), now.questions.get(task, 0)) for task in earlier}
    images = max(stored.overlap.images, now.images) if earlier else now.images
    return replace(now, questions={**now.questions, **questions}, images=images)


def mismatch_reason(stored: Header, header: Header) -> str:
    """Return why stored answers cannot be mixed with new ones."""
    if stored.checkpoint != header.checkpoint:
        return "the checkpoint's weights, tokenizer or image processor changed"
    if stored.generation_config != header.generation_config:
        return (
            f"the generation settings changed from {stored.generation_config} "
            f"to {header.generation_config}"
        )
    if stored.prompt_style != header.prompt_style:
        return f"the prompt style changed from {stored.prompt_style} to {header.prompt_style}"
    if stored.overlap.included != header.overlap.included:
        return "questions about images that were trained on are now left out, or no longer"
    if stored.overlap.known != header.overlap.known:
        return "the record of the images that were trained on is new, or gone"
    return "the questions come from other files"


def archive_previous(out: Path, stored: Header) -> Path:
    """Move the files of an evaluation, and no others, to a new directory in `previous/`.

    A move that a kill interrupts is completed by the next call.
    """
    number, archive = 1, out / PREVIOUS / stored.checkpoint[:12]
    while (archive / HEADER).exists():
        number += 1
        archive = out / PREVIOUS / f"{stored.checkpoint[:12]}-{number}"
    archive.mkdir(parents=True, exist_ok=True)
    move_files(out, archive)
    return archive
