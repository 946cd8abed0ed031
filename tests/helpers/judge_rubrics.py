"""Rubrics for tests."""

from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import LlmRequest, Message

SCORES = {"yes": 1.0, "no": 0.0}


def request(record: Record, swapped: bool) -> LlmRequest:
    text = f"Is {record.response!r} the same as {record.target!r}?"
    if swapped:
        text = f"Is {record.target!r} the same as {record.response!r}?"
    return LlmRequest((Message("system", "You judge."), Message("user", text)), 0.0, 8)


def parse_yes_no(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    score = SCORES.get(text.strip().lower())
    return None if score is None else JudgeScore(score)


def parse_pair(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    scores = [float(word) / 10 for word in text.split()]
    return JudgeScore(*(reversed(scores) if swapped else scores)) if len(scores) == 2 else None


YES_OR_NO = Rubric("yes or no 1", request, parse_yes_no, scope="all")
SAMPLED = YES_OR_NO._replace(
    name="sampled 1", request=lambda r, swapped: request(r, swapped)._replace(temperature=0.2)
)
UNPARSED_ONLY = YES_OR_NO._replace(scope="unparsed")
PAIR = Rubric("pair 1", request, parse_pair, both_orders=True)
