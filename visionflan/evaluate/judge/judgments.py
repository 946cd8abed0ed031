"""What judges said of answers, one row a verdict, kept beside the records, and what it means."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from visionflan.atomic_write import atomic_path
from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record

if TYPE_CHECKING:
    import pyarrow as pa

JUDGMENTS = "judgements.parquet"


class Judgment(NamedTuple):
    """One verdict that was asked for, or why there is none.

    `answer` is the sha256 of the words that were judged: verdicts on other words never count.
    `judge` is the model that was asked for, `model` the name under which the server answered; `raw`
    is what it said; `failure` is empty where there is a score. Tokens, `cost` in US dollars and
    `attempts` cover all calls for this verdict; one that is `cached` was not paid for by the last
    run.
    """

    task: str
    sample_key: str
    condition: str
    answer: str
    rubric: str
    swapped: bool
    repeat: int
    judge: str
    model: str
    raw: str
    score: float | None
    against: float | None
    failure: str
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    cached: bool

    @property
    def subject(self) -> tuple[str, str, str, str]:
        """Name the answer that is judged."""
        return self.task, self.sample_key, self.condition, self.answer

    @property
    def place(self) -> tuple[object, ...]:
        """What tells this verdict from all others."""
        return *self.subject, self.rubric, self.judge, self.swapped, self.repeat


def subject(record: Record) -> tuple[str, str, str, str]:
    """Name the answer of a record as judgements do."""
    return *record.place, sha256(record.answer.encode()).hexdigest()


# What rules leave over: they could not read it, could read it in several ways, or do not try to.
UNPARSED_STATUSES: frozenset[ParseStatus] = frozenset(
    {"unparsed", "ambiguous", "unjudged", "judge_failed"}
)


def needs_judge(answer: str, status: ParseStatus, parsed: str) -> bool:
    """Whether a rule could not tell what an answer means; one without words means nothing."""
    return bool(answer.strip()) and (
        status in UNPARSED_STATUSES or (status == "truncated" and not parsed)
    )


def verdict_of(judgments: Sequence[Judgment], *, both_orders: bool = False) -> JudgeScore | None:
    """Average the verdicts on one answer; None where there is none, or none in one of two orders.

    Both orders weigh the same, however many of their repeats succeeded.
    """
    orders = []
    for swapped in (False, True) if both_orders else (None,):
        found = [
            JudgeScore(each.score, each.against)
            for each in judgments
            if each.score is not None and swapped in (None, each.swapped)
        ]
        if not found:
            return None
        orders.append(averaged(found))
    return averaged(orders)


def averaged(readings: Sequence[JudgeScore]) -> JudgeScore:
    """Average scores, and those of the references where all have one."""
    against = [each.against for each in readings if each.against is not None]
    return JudgeScore(
        sum(each.score for each in readings) / len(readings),
        sum(against) / len(readings) if len(against) == len(readings) else None,
    )


def verdicts(
    judgments: Iterable[Judgment], records: Iterable[Record], rubric: Rubric, judge: str
) -> dict[tuple[str, str, str], JudgeScore | None]:
    """Give a judge's verdict on each record that it was asked about, None where that failed.

    Records are told by their place; those that the judge was not asked about are left out.
    """
    found: dict[tuple[str, str, str, str], list[Judgment]] = defaultdict(list)
    for each in judgments:
        if (each.rubric, each.judge) == (rubric.name, judge):
            found[each.subject].append(each)
    return {
        record.place: verdict_of(found[subject(record)], both_orders=rubric.both_orders)
        for record in records
        if subject(record) in found
    }


def judge_of(judgments: Iterable[Judgment], rubric: Rubric, name: str = "") -> str:
    """Name the judge whose verdicts count: the one that is asked for, or the only one.

    Without any it is empty.
    """
    names = sorted({each.judge for each in judgments if each.rubric == rubric.name})
    if name:
        return name
    if len(names) > 1:
        raise EvaluationError(
            f"these answers were judged by {', '.join(names)}: say with `--judge-model` whose "
            "verdicts count"
        )
    return names[0] if names else ""


class PositionBias(NamedTuple):
    """How much the place of an answer beside its reference decides.

    Of `pairs` judged in both places, `held` have the same winner in both; `shift` is how much
    further ahead of its reference the answer is in its usual place than in the other.
    """

    pairs: int
    held: int
    shift: float | None


def position_bias(judgments: Iterable[Judgment]) -> PositionBias:
    """Measure how much verdicts depend on the place."""
    leads: dict[tuple[object, ...], dict[bool, float]] = defaultdict(dict)
    for each in judgments:
        if each.score is not None and each.against is not None:
            key = (*each.subject, each.rubric, each.judge, each.repeat)
            leads[key][each.swapped] = each.score - each.against
    both = [(lead[False], lead[True]) for lead in leads.values() if len(lead) == 2]
    held = sum((one > 0) - (one < 0) == (two > 0) - (two < 0) for one, two in both)
    shift = sum(one - two for one, two in both) / len(both) if both else None
    return PositionBias(len(both), held, shift)


def merge_judgments(earlier: Iterable[Judgment], new: Iterable[Judgment]) -> list[Judgment]:
    """Put new verdicts in the place of earlier ones; a failure never takes that of a verdict."""
    kept = {each.place: each for each in earlier}
    for each in new:
        before = kept.get(each.place)
        if before is None or before.failure or not each.failure:
            kept[each.place] = each
    return list(kept.values())


def schema() -> "pa.Schema":
    """Give the columns of the table of judgements."""
    import pyarrow as pa

    types = {
        **dict.fromkeys(("swapped", "cached"), pa.bool_()),
        **dict.fromkeys(("repeat", "attempts"), pa.int32()),
        **dict.fromkeys(("prompt_tokens", "completion_tokens"), pa.int64()),
        **dict.fromkeys(("score", "against", "cost"), pa.float64()),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in Judgment._fields])


def write_judgments(path: Path, judgments: Iterable[Judgment]) -> None:
    """Write judgements whole, in an order that does not depend on how they came about."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [each._asdict() for each in sorted(judgments, key=lambda each: each.place)]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema()), temporary, compression="zstd")


def read_judgments(path: Path) -> list[Judgment]:
    """Read the judgements of an evaluation; there are none where there is no file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    try:
        table = pq.ParquetFile(path).read().select(list(Judgment._fields))
    except (pa.ArrowException, KeyError) as fault:
        raise EvaluationError(
            f"{path} is not a table of judgements of this version: {fault}; remove it and judge "
            "again, replies that were paid for are in the cache"
        ) from fault
    return [Judgment(**row) for row in table.to_pylist()]
