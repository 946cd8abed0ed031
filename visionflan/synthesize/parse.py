"""Parse what a model wrote into questions and answers."""

import re
from typing import NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.synthesize.kinds import SynthesisKind

# At the beginning of a line, with or without a number and Markdown.
MARK = re.compile(
    r"^[ \t]*(?:[-*>#]+[ \t]*)?\**(question|answer)(?:[ \t]*#?\d+)?\**[ \t]*:\**[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)


class WrittenExchange(NamedTuple):
    """A question, empty if the model wrote none, and its answer."""

    question: str
    answer: str


class FormatError(Exception):
    """A reply does not have the form that its kind needs."""


def parse_reply(text: str, kind: SynthesisKind) -> tuple[WrittenExchange, ...]:
    """Return the exchanges of a reply; raise FormatError if it has another form."""
    if IMAGE_MARKER in text:
        raise FormatError(f"it contains `{IMAGE_MARKER}`, which would count as an image")
    if not kind.writes_questions:
        return (WrittenExchange("", parse_answer(text)),)
    exchanges = parse_exchanges(text)
    least, most = kind.exchanges
    if not least <= len(exchanges) <= most:
        numbers = str(least) if least == most else f"{least} to {most}"
        raise FormatError(f"its number of questions is {len(exchanges)} instead of {numbers}")
    return exchanges


def parse_answer(text: str) -> str:
    """Return a reply that is one answer, without the word `Answer` before it."""
    marks = list(MARK.finditer(text))
    if not marks:
        return text.strip()
    if len(marks) > 1 or marks[0][1].lower() == "question" or text[: marks[0].start()].strip():
        raise FormatError("it has questions or several answers instead of one answer")
    return text[marks[0].end() :].strip()


def parse_exchanges(text: str) -> tuple[WrittenExchange, ...]:
    """Return the pairs of a reply whose lines begin with `Question:` and `Answer:`."""
    marks = list(MARK.finditer(text))
    if not marks:
        raise FormatError("it has no `Question:` and `Answer:`")
    if before := text[: marks[0].start()].strip():
        raise FormatError(f"it begins with other words: {before[:60]!r}")
    roles = [mark[1].lower() for mark in marks]
    if roles != ["question", "answer"] * (len(roles) // 2) or len(roles) % 2:
        raise FormatError("its questions and answers do not alternate")
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    if not all(texts[::2]):
        raise FormatError("one of its questions has no words")
    return tuple(map(WrittenExchange, texts[::2], texts[1::2]))
