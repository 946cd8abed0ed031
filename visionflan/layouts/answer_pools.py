"""Draw wrong answers to a question from those that annotators gave to other questions.

A wrong answer has the same form as the right one, answers a question that begins alike, and shares
no word with any answer to this question.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from visionflan.hashing import pick

UNANSWERABLE = "unanswerable"
UNSUITABLE = frozenset({"unsuitable", "unsuitable image"})
OPPOSITE = {"yes": "no", "no": "yes"}
ENOUGH = 4


class AnsweredQuestion(Protocol):
    """A question with the answers of several annotators."""

    @property
    def key(self) -> str:
        """Return the key of the row."""
        ...

    @property
    def question(self) -> str:
        """Return the text of the question."""
        ...

    @property
    def answers(self) -> tuple[str, ...]:
        """Return all answers."""
        ...


class AnswerPools:
    """The answers that annotators agreed on, by their form and by how the question begins."""

    def __init__(self, questions: Iterable[AnsweredQuestion]) -> None:
        self.pools: dict[tuple[str, ...], dict[str, None]] = {}
        for row in questions:
            answer, votes = most_frequent(row.answers)
            if votes > 1 and answer != UNANSWERABLE:
                for pool in (form(answer), opening(row.question)), (form(answer),):
                    self.pools.setdefault(pool, {})[answer] = None
        self.lists = {pool: list(answers) for pool, answers in self.pools.items()}

    def wrong(self, row: AnsweredQuestion) -> tuple[str, ...]:
        """Draw up to three answers that have no word in common with what was answered."""
        answer, _ = most_frequent(row.answers)
        if answer in OPPOSITE:
            return (OPPOSITE[answer],)
        pool = self.lists.get((form(answer), opening(row.question)), [])
        if len(pool) < ENOUGH:
            pool = self.lists.get((form(answer),), [])
        answer_words = {word for answer in row.answers for word in words(answer)}
        drawn = pick(pool, 12, row.key, "wrong answers", avoid=row.answers)
        return tuple(answer for answer in drawn if answer_words.isdisjoint(words(answer)))[:3]


def most_frequent(answers: tuple[str, ...]) -> tuple[str, int]:
    """Return the most frequent answer with its votes; the first one of a tie."""
    votes = Counter(UNANSWERABLE if answer in UNSUITABLE else answer for answer in answers)
    return votes.most_common(1)[0] if votes else ("", 0)


def form(answer: str) -> str:
    """Classify an answer as yes or no, a number, or words."""
    if answer in OPPOSITE:
        return "yes or no"
    return "figure" if re.search(r"\d", answer) else "words"


def opening(question: str) -> str:
    """Return the first two words of a question."""
    return " ".join(re.findall(r"\w+", question.lower())[:2])


def words(answer: str) -> set[str]:
    """Return the words of an answer."""
    return set(re.findall(r"\w+", answer.lower()))
