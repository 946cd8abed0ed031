"""Decide whether what a model wrote becomes an instance, or is dropped and why."""

import re
from typing import NamedTuple

from visionflan.llm.base import LlmReply
from visionflan.synthesize.contexts import ImageContext
from visionflan.synthesize.contradictions import find_contradiction
from visionflan.synthesize.duplicates import WrittenTexts
from visionflan.synthesize.kinds import SynthesisKind
from visionflan.synthesize.label_check import check_label
from visionflan.synthesize.parse import FormatError, WrittenExchange, parse_reply
from visionflan.synthesize.phrases import find_refusal, find_talk

# A text without a sentence may end in a word, if it is a rewritten answer of fewer words than this.
SENTENCE_WORDS = 8
MAX_QUOTED = 200
WORD = re.compile(r"[^\W_]")
NO_ANSWER = re.compile(r"^\W*answer[ \t*#\d]*:[\W_]*\Z", re.IGNORECASE | re.MULTILINE)


class Rejection(NamedTuple):
    """Why a reply is dropped: a code of `builder/ledger_reasons.py`, and what is wrong."""

    reason: str
    detail: str


class ReplyFilter:
    """Checks replies of one kind, one after the other, since each must differ from those before."""

    def __init__(self, kind: SynthesisKind) -> None:
        self.kind, self.texts = kind, WrittenTexts()

    def check(
        self, reply: LlmReply, context: ImageContext
    ) -> tuple[WrittenExchange, ...] | Rejection:
        """Return the exchanges of a reply, or why it is dropped."""
        if rejection := check_text(reply, self.kind):
            return rejection
        try:
            exchanges = parse_reply(reply.text, self.kind)
        except FormatError as error:
            return Rejection("reply_malformed", f"{error}: {reply.text[:MAX_QUOTED]!r}")
        return (
            check_exchanges(exchanges)
            or self.check_labels(exchanges, context)
            or self.check_duplicate(exchanges, context)
            or exchanges
        )

    def check_labels(
        self, exchanges: tuple[WrittenExchange, ...], context: ImageContext
    ) -> Rejection | None:
        """Return a rejection if the label of a row is lost, or contradicted."""
        if self.kind.name != "rewrite":
            detail = find_contradiction(exchanges, context.rows)
            return Rejection("label_contradicted", detail) if detail else None
        (row,), answer = context.rows, exchanges[0].answer
        if check_label(answer, row) == "found":
            return None
        target = row.instance.target
        return Rejection("label_lost", f"{target!r} is not found in {answer[:MAX_QUOTED]!r}")

    def check_duplicate(
        self, exchanges: tuple[WrittenExchange, ...], context: ImageContext
    ) -> Rejection | None:
        """Return a rejection if the same was written before, or a question repeats another.

        Two rows may have the same answer, so a rewritten one is no duplicate.
        """
        if self.kind.name == "rewrite":
            return None
        questions = WrittenTexts()
        for exchange in exchanges:
            if exchange.question and questions.add("question", exchange.question):
                return Rejection("reply_duplicate", f"it repeats {exchange.question!r}")
        text = " ".join(part for exchange in exchanges for part in exchange)
        if earlier := self.texts.add(context.key, text):
            return Rejection("reply_duplicate", f"it is nearly what was written about {earlier}")
        return None


def check_text(reply: LlmReply, kind: SynthesisKind) -> Rejection | None:
    """Return a rejection of a reply that is empty, cut or a refusal."""
    if not WORD.search(reply.text):
        return Rejection("reply_empty", "the reply has no words")
    if words := find_refusal(reply.text):
        return Rejection("reply_refused", words)
    if reply.finish_reason == "length":
        return Rejection("reply_cut", "the reply ends at the limit of tokens")
    if NO_ANSWER.search(reply.text):
        return Rejection("reply_empty", "the last answer has no words")
    least = SENTENCE_WORDS if kind.name == "rewrite" else 0
    if len(reply.text.split()) >= least and is_cut(reply.text):
        return Rejection("reply_cut", f"the reply ends with {reply.text[-60:]!r}")
    return None


def is_cut(text: str) -> bool:
    """Return whether a text ends within a sentence: in a word, or with a mark that joins two."""
    last = text.rstrip()[-1:]
    return last.isalnum() or last in (",", ";", "-", "(")


def check_exchanges(exchanges: tuple[WrittenExchange, ...]) -> Rejection | None:
    """Return a rejection if one answer is empty, refuses, or speaks of annotations."""
    for question, answer in exchanges:
        if not WORD.search(answer):
            return Rejection("reply_empty", f"the answer to {question!r} has no words")
        if words := find_refusal(answer):
            return Rejection("reply_refused", words)
    if words := find_talk("\n".join(part for exchange in exchanges for part in exchange)):
        return Rejection("annotations_mentioned", words)
    return None
