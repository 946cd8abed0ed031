"""Find what a written text says against the labels of its context."""

import re
from collections.abc import Sequence
from functools import lru_cache

from visionflan.evaluate.metrics.label_search import find_labels
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.synthesize.contexts import ContextRow
from visionflan.synthesize.label_check import check_label
from visionflan.synthesize.parse import WrittenExchange
from visionflan.synthesize.statements import SENTENCE_END, contradicts, statement_of

SAME_QUESTION = 0.7  # the share of content words that two equal questions have in common
STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        """is are was were do does did can could you see of in on at to it its this that these those
        image photo picture there what which how many much any some please tell me name answer
        question with one word or and has have be shown visible kind type here count contain include
        show spot find present exactly total""",
    )
)
QUESTION_WORDS = ("how many", "color", "where", "who", "why", "when", "how")


def find_contradiction(exchanges: Sequence[WrittenExchange], rows: Sequence[ContextRow]) -> str:
    """Return what contradicts which row; empty if nothing does.

    Checked are answers to a question that a row has too, by the scoring rule of its task; what is
    stated of the number, the presence and the color of objects; and the class that the first
    sentence names.
    """
    text = " ".join(exchange.answer for exchange in exchanges)
    for row in rows:
        answers = [e.answer for e in exchanges if is_same_question(e.question, row)]
        if any(check_label(answer, row) == "other" for answer in answers):
            return describe(row, "the answer to its question has another label")
        statement = statement_of(row)
        if statement is not None and contradicts(text, statement):
            return describe(row, f"the text contradicts the {statement.aspect} of its object")
        if names_other_class(exchanges[0].answer, row):
            return describe(row, "the first sentence names another class")
    return ""


def is_same_question(question: str, row: ContextRow) -> bool:
    """Return whether a question and that of a row have most content words in common."""
    if not question or not row.instance.text:
        return False
    ours, theirs = content_words(question), content_words(row.question)
    if not ours or asked_aspect(question) != asked_aspect(row.question):
        return False
    return len(ours & theirs) / len(ours | theirs) >= SAME_QUESTION


@lru_cache(maxsize=1024)  # each question is compared with each row
def asked_aspect(question: str) -> str:
    """Return what a question asks for, as far as its question word says."""
    text = normalize_words(question)
    return next((words for words in QUESTION_WORDS if words in text), "")


@lru_cache(maxsize=1024)
def content_words(text: str) -> frozenset[str]:
    """Return the words of a question that say what it is about."""
    words = normalize_words(text.splitlines()[-1]).replace("?", "").split()
    return frozenset(word.removesuffix("s") for word in words if word not in STOPWORDS)


def names_other_class(answer: str, row: ContextRow) -> bool:
    """Return whether the first sentence names only other classes than that of the whole image."""
    labels = row.instance.options or row.candidates
    if row.instance.text or not labels or statement_of(row):
        return False
    first = SENTENCE_END.split(answer)[0]
    return bool(find_labels(first, labels)) and not find_labels(answer, row.references)


def describe(row: ContextRow, problem: str) -> str:
    """Return a sentence about a contradiction."""
    return f"{row.instance.id} is labeled {row.instance.target!r}: {problem}"
