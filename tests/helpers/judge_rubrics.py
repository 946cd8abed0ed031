"""Rubrics, and a judge's way through a test without waiting."""

from visionflan.evaluate.judge.retry import RetryPolicy
from visionflan.evaluate.judge.rubric import JudgeRequest, JudgeScore, Message, Rubric
from visionflan.evaluate.records.record import Record

SCORES = {"yes": 1.0, "no": 0.0}


def request(record: Record, swapped: bool) -> JudgeRequest:
    words = f"Is {record.answer!r} the same as {record.target!r}?"
    if swapped:
        words = f"Is {record.target!r} the same as {record.answer!r}?"
    return JudgeRequest((Message("system", "You judge."), Message("user", words)), 0.0, 8)


def read(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    found = SCORES.get(text.strip().lower())
    return None if found is None else JudgeScore(found)


def compared(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    scores = [float(word) / 10 for word in text.split()]
    return JudgeScore(*(reversed(scores) if swapped else scores)) if len(scores) == 2 else None


YES_OR_NO = Rubric("yes or no 1", request, read, scope="all")
LEFTOVERS = YES_OR_NO._replace(scope="leftovers")
PAIR = Rubric("pair 1", request, compared, both_orders=True)


class Waits:
    """Notes how long would have been waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def patience(self) -> RetryPolicy:
        return RetryPolicy(sleep=self)
