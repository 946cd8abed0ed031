"""What a judge is asked about an answer, and how its words are read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from visionflan.evaluate.records.record import Record


class Message(NamedTuple):
    """One message to a judge."""

    role: Literal["system", "user"]
    content: str


class JudgeRequest(NamedTuple):
    """What a judge is asked, and how it is to answer."""

    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int


class JudgeScore(NamedTuple):
    """The score that a judge gave an answer, and its reference if any, between 0 and 1."""

    score: float
    against: float | None = None


class Rubric(NamedTuple):
    """How a judge scores the answers of a benchmark.

    `name` changes with the words that are asked, so that no verdict is taken for another's. With
    `swapped` the two answers of a comparison change places. `read` gives None for words that are no
    verdict. `scope`: `all` answers, or only the `leftovers` that the rules could not read. A score
    is the mean over `repeats` and, with `both_orders`, over both places.
    """

    name: str
    request: "Callable[[Record, bool], JudgeRequest]"
    read: "Callable[[str, Record, bool], JudgeScore | None]"
    scope: Literal["all", "leftovers"] = "all"
    repeats: int = 1
    both_orders: bool = False
