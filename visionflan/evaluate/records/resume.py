"""Go on with the answers that are there, or set them aside where they are of something else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from visionflan.evaluate.aggregate.summary import SCORES
from visionflan.evaluate.judge.judgments import JUDGMENTS
from visionflan.evaluate.records.document_frequencies import FREQUENCIES
from visionflan.evaluate.records.header import HEADER, Header, read_header
from visionflan.evaluate.records.record import CONDITIONS, JOURNAL, RECORDS

EARLIER = "earlier"
# The header goes last: until it has gone, the rest is still known to be of something else.
FILES = (RECORDS, JOURNAL, FREQUENCIES, JUDGMENTS, SCORES, HEADER)

Say = Callable[[str], None]


def resume_header(out: Path, header: Header, say: Say) -> Header:
    """Give the header under which answers are kept together with those that are there."""
    if not (out / HEADER).is_file():
        return header
    earlier = read_header(out)
    if earlier.identity != header.identity:
        aside = archive_previous(out, earlier)
        say(f"{mismatch_reason(earlier, header)}: the earlier answers in {out} are now in {aside}")
        return header
    asked = {*earlier.conditions, *header.conditions}
    return replace(
        header,
        tasks={**earlier.tasks, **header.tasks},
        conditions=tuple(each for each in CONDITIONS if each in asked),
        judge=earlier.judge,
    )


def mismatch_reason(earlier: Header, header: Header) -> str:
    """Say why earlier answers cannot be gone on with."""
    if earlier.checkpoint != header.checkpoint:
        return "the checkpoint has other weights, words or pictures than before"
    if earlier.generation_config != header.generation_config:
        return f"asked with {header.generation_config} instead of {earlier.generation_config}"
    if earlier.prompt_style != header.prompt_style:
        return f"asked in the style {header.prompt_style} instead of {earlier.prompt_style}"
    return "the questions come from other files than before"


def archive_previous(out: Path, earlier: Header) -> Path:
    """Move the files of an evaluation into a folder of their own, and nothing else that is there.

    What a kill leaves half moved is moved to the same place the next time.
    """
    number, aside = 1, out / EARLIER / earlier.checkpoint[:12]
    while (aside / HEADER).exists():
        number += 1
        aside = out / EARLIER / f"{earlier.checkpoint[:12]}-{number}"
    aside.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (out / name).exists():
            (out / name).replace(aside / name)
    return aside
