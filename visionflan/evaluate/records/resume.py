"""Resume an evaluation, or archive it if its answers cannot be mixed with new ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from visionflan.evaluate.conditions import in_order
from visionflan.evaluate.records.files import (
    DOCUMENT_FREQUENCIES,
    HEADER,
    JOURNAL,
    JUDGMENTS,
    PREVIOUS,
    RECORDS,
    SCORES,
)
from visionflan.evaluate.records.header import Header, TrainingOverlap, read_header

# The header is moved last: as long as it is there, the other files are known to belong to it.
FILES = (RECORDS, JOURNAL, DOCUMENT_FREQUENCIES, JUDGMENTS, SCORES, HEADER)

Log = Callable[[str], None]


def resume_header(out: Path, header: Header, log: Log) -> Header:
    """Return the header for the answers that are stored and those to come.

    Answers that do not fit the header are moved to `previous/`, and the reason is logged.
    """
    if not (out / HEADER).is_file():
        return header
    stored = read_header(out)
    if stored.identity != header.identity:
        archive = archive_previous(out, stored)
        log(
            f"{mismatch_reason(stored, header)}: previous answers were moved from {out} "
            f"to {archive}"
        )
        return header
    return replace(
        header,
        tasks={**stored.tasks, **header.tasks},
        conditions=in_order((*stored.conditions, *header.conditions)),
        overlap=merge_overlaps(stored.overlap, header.overlap),
        judge=stored.judge,
    )


def merge_overlaps(stored: TrainingOverlap, current: TrainingOverlap) -> TrainingOverlap:
    """Return the overlap of the tasks evaluated before and of those evaluated now."""
    questions = {**stored.questions, **current.questions}
    return replace(current, questions=questions, images=max(stored.images, current.images))


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
    for name in FILES:
        if (out / name).exists():
            (out / name).replace(archive / name)
    return archive
