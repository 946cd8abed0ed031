"""The verdicts of judges, one row each, stored next to the records, and their aggregation."""

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


class Judgment(NamedTuple):
    """One verdict that a judge was asked for, or why there is none.

    Attributes:
        task: with `sample_key` and `condition` the key of the record.
        sample_key: see `task`.
        condition: see `task`.
        response_sha256: hash of the judged answer; verdicts on another answer never count.
        rubric: name of the rubric.
        order_swapped: whether the answer and its reference were swapped in the prompt.
        repeat: index of the sample, from 0.
        judge: the model that was requested.
        model: the name under which the server answered.
        raw_reply: what the judge wrote.
        score: of the answer, from 0 to 1; None if there is no verdict.
        reference_score: of the reference, where both are compared.
        error: why there is no verdict, else empty.
        attempts: calls made for this verdict; tokens and cost are their sums.
        prompt_tokens: None where the server does not count.
        completion_tokens: None where the server does not count.
        cost: US dollars; None if unknown.
        cached: whether the last command did not pay for it.
    """

    task: str
    sample_key: str
    condition: str
    response_sha256: str
    rubric: str
    order_swapped: bool
    repeat: int
    judge: str
    model: str
    raw_reply: str
    score: float | None
    reference_score: float | None
    error: str
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    cached: bool

    @property
    def answer_key(self) -> tuple[str, str, str, str]:
        """The judged answer."""
        return self.task, self.sample_key, self.condition, self.response_sha256

    @property
    def key(self) -> tuple[object, ...]:
        """The unique key of this verdict."""
        return *self.answer_key, self.rubric, self.judge, self.order_swapped, self.repeat


def answer_key(record: Record) -> tuple[str, str, str, str]:
    """Return the key of a record's answer in the table of judgments."""
    return *record.key, sha256(record.response.encode()).hexdigest()


# Answers that a rule could not parse, could parse in several ways, or does not try to.
UNPARSED_STATUSES: frozenset[ParseStatus] = frozenset(
    {"unparsed", "ambiguous", "unjudged", "judge_failed"}
)


def needs_judge(answer: str, status: ParseStatus, parsed: str) -> bool:
    """Return whether a rule could not parse an answer; a blank answer needs no judge."""
    return bool(answer.strip()) and (
        status in UNPARSED_STATUSES or (status == "truncated" and not parsed)
    )


def verdict_of(judgments: Sequence[Judgment], *, both_orders: bool = False) -> JudgeScore | None:
    """Average the verdicts on one answer; None if there is none, or none in one of two orders.

    Both orders have the same weight, however many of their repeats succeeded.
    """
    means = []
    for swapped in (False, True) if both_orders else (None,):
        scores = [
            JudgeScore(judgment.score, judgment.reference_score)
            for judgment in judgments
            if judgment.score is not None and swapped in (None, judgment.order_swapped)
        ]
        if not scores:
            return None
        means.append(average_scores(scores))
    return average_scores(means)


def average_scores(scores: Sequence[JudgeScore]) -> JudgeScore:
    """Return the mean; that of the references only if all have a score."""
    references = [score.reference_score for score in scores if score.reference_score is not None]
    return JudgeScore(
        sum(score.score for score in scores) / len(scores),
        sum(references) / len(references) if len(references) == len(scores) else None,
    )


def verdicts(
    judgments: Iterable[Judgment], records: Iterable[Record], rubric: Rubric, judge: str
) -> dict[tuple[str, str, str], JudgeScore | None]:
    """Return a judge's verdict on each record by its key; None if judging failed.

    Records that the judge was not asked about are left out.
    """
    by_answer: dict[tuple[str, str, str, str], list[Judgment]] = defaultdict(list)
    for judgment in judgments:
        if (judgment.rubric, judgment.judge) == (rubric.name, judge):
            by_answer[judgment.answer_key].append(judgment)
    return {
        record.key: verdict_of(by_answer[answer_key(record)], both_orders=rubric.both_orders)
        for record in records
        if answer_key(record) in by_answer
    }


def judge_of(judgments: Iterable[Judgment], rubric: Rubric, name: str = "") -> str:
    """Return the judge whose verdicts count: the named one, or the only one; empty if none."""
    names = sorted({judgment.judge for judgment in judgments if judgment.rubric == rubric.name})
    if name:
        return name
    if len(names) > 1:
        raise EvaluationError(
            f"these answers were judged by {', '.join(names)}: choose one of them with "
            "`--judge-model`"
        )
    return names[0] if names else ""


class PositionBias(NamedTuple):
    """The effect of the order of answer and reference.

    Of `num_pairs` comparisons in both orders, `num_consistent` have the same winner in both;
    `shift` is the mean lead of the answer over its reference in the usual order, minus that in the
    swapped order.
    """

    num_pairs: int
    num_consistent: int
    shift: float | None


def position_bias(judgments: Iterable[Judgment]) -> PositionBias:
    """Measure the position bias of the verdicts."""
    leads: dict[tuple[object, ...], dict[bool, float]] = defaultdict(dict)
    for judgment in judgments:
        if judgment.score is not None and judgment.reference_score is not None:
            key = (*judgment.answer_key, judgment.rubric, judgment.judge, judgment.repeat)
            leads[key][judgment.order_swapped] = judgment.score - judgment.reference_score
    both = [(lead[False], lead[True]) for lead in leads.values() if len(lead) == 2]
    consistent = sum(
        (usual > 0) - (usual < 0) == (swapped > 0) - (swapped < 0) for usual, swapped in both
    )
    shift = sum(usual - swapped for usual, swapped in both) / len(both) if both else None
    return PositionBias(len(both), consistent, shift)


def merge_judgments(earlier: Iterable[Judgment], new: Iterable[Judgment]) -> list[Judgment]:
    """Replace earlier judgments by new ones; a failure never replaces a verdict."""
    merged = {judgment.key: judgment for judgment in earlier}
    for judgment in new:
        before = merged.get(judgment.key)
        if before is None or before.error or not judgment.error:
            merged[judgment.key] = judgment
    return list(merged.values())


def schema() -> "pa.Schema":
    """Return the schema of the table of judgments."""
    import pyarrow as pa

    types = {
        **dict.fromkeys(("order_swapped", "cached"), pa.bool_()),
        **dict.fromkeys(("repeat", "attempts"), pa.int32()),
        **dict.fromkeys(("prompt_tokens", "completion_tokens"), pa.int64()),
        **dict.fromkeys(("score", "reference_score", "cost"), pa.float64()),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in Judgment._fields])


def write_judgments(path: Path, judgments: Iterable[Judgment]) -> None:
    """Write judgments atomically, sorted by key."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [judgment._asdict() for judgment in sorted(judgments, key=lambda row: row.key)]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema()), temporary, compression="zstd")


def read_judgments(path: Path) -> list[Judgment]:
    """Read the judgments of an evaluation; an absent file has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    try:
        table = pq.ParquetFile(path).read().select(list(Judgment._fields))
    except (pa.ArrowException, KeyError) as error:
        raise EvaluationError(
            f"{path} is not a table of judgments of this version: {error}; remove it and judge "
            "again (replies that were paid for are in the cache)"
        ) from error
    return [Judgment(**row) for row in table.to_pylist()]
