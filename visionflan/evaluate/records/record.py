"""One record an answer, kept for good: what was asked and shown, what was said, how it scored.

Scores are computed from records and never the other way round, so that they can be computed again
by better rules, without a model.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from visionflan.atomic_write import atomic_path
from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import ParseStatus, ScoringRule

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 3
RECORDS = "records.parquet"
JOURNAL = "answers.jsonl"

# What the model was shown: the item's own pictures, grey ones of the same size, or another item's.
Condition = Literal["original", "blank", "swapped"]
CONDITIONS: tuple[Condition, ...] = ("original", "blank", "swapped")


class Record(NamedTuple):
    """One answer of one checkpoint to one item under one condition.

    What was asked: `checkpoint` and `source` (a build, or a benchmark's release) are digests of
    content; `sample_key` is the item's content (joins use it, never a row number); `images` are the
    item's own and `shown` those that the model was given; `cluster` names what rises and falls
    together, `group` what is judged together, `labels` the abilities that the item counts for;
    `prompt` is written in a named `style`; `target` has no letter; `context` is for judges only.
    `chance` is the score of guessing, None where that has no meaning; `majority` the answer that
    training saw most.

    What was answered: `answer`, why it ended, and for closed questions the summed log-probability
    `logprobs` of each of the `candidates` as the whole answer.

    How it was scored: what each rule understood, how well, and its score; `parsed` and `status`
    are those of the lenient rule; a score of None is missing data. `decided_by` says whether a
    judge had the last word; `against` is the score that the judge gave the reference beside it.
    """

    schema: int
    run: str
    stage: str
    checkpoint: str
    source: str
    task: str
    instance: str
    sample_key: str
    condition: Condition
    images: tuple[str, ...]
    images_shown: tuple[str, ...]
    image_cluster: str
    prompt: str
    options: tuple[str, ...]
    target: str
    references: tuple[str, ...]
    metric: str
    chance_score: float | None
    majority_answer: str | None
    generation_config: str
    response: str
    num_tokens: int
    finish_reason: str
    error: str
    prompt_style: str = ""
    item_group: str = ""
    categories: tuple[str, ...] = ()
    judge_context: str = ""
    candidates: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
    parsed_lenient: str = ""
    status_lenient: ParseStatus = "failed"
    parsed_official: str = ""
    status_official: ParseStatus = "failed"
    scored_by: Literal["rule", "judge"] = "rule"
    score_official: float | None = None
    score_lenient: float | None = None
    score_likelihood: float | None = None
    reference_score: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells this record from the others of its checkpoint."""
        return self.task, self.sample_key, self.condition

    def score(self, rule: ScoringRule) -> float | None:
        """Give the score by one of the rules."""
        if rule == "official":
            return self.score_official
        return self.score_lenient if rule == "lenient" else self.score_likelihood


LISTS = ("images", "images_shown", "options", "references", "categories", "candidates")
NUMBERS = (
    "chance_score",
    "score_official",
    "score_lenient",
    "score_likelihood",
    "reference_score",
)


def sample_key(
    images: Sequence[str], prompt: str, options: Sequence[str], references: Sequence[str]
) -> str:
    """Name an item by its content: the same on every machine, another when anything differs."""
    content = [list(images), prompt, list(options), list(references)]
    return sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def schema() -> "pa.Schema":
    """Give the columns of the table of records."""
    import pyarrow as pa

    special = {
        "schema": pa.int16(),
        "num_tokens": pa.int32(),
        "logprobs": pa.list_(pa.float64()),
        **{name: pa.float64() for name in NUMBERS},
        **{name: pa.list_(pa.string()) for name in LISTS},
    }
    return pa.schema([(name, special.get(name, pa.string())) for name in Record._fields])


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records whole, in an order that does not depend on how they came about."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [record._asdict() for record in sorted(records, key=lambda record: record.key)]
    table = pa.Table.from_pylist(rows, schema=schema())
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_records(path: Path) -> list[Record]:
    """Read the records of an evaluation."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()  # `read_table` would import much that is not needed
    except pa.ArrowException as fault:
        raise EvaluationError(f"{path} is not a table of records: {fault}") from fault
    missing = [name for name in Record._fields if name not in table.column_names]
    if missing:
        raise EvaluationError(
            f"{path} lacks the columns {', '.join(missing)} of a record: another version of "
            "visionflan wrote it; evaluate again, its answers are not lost"
        )
    if others := set(table["schema"].unique().to_pylist()) - {SCHEMA}:
        raise EvaluationError(
            f"{path} holds records of version {min(others)} instead of {SCHEMA}: evaluate again, "
            "its answers are not lost"
        )
    return [record_from_row(row) for row in table.select(list(Record._fields)).to_pylist()]


def record_from_row(row: dict[str, Any]) -> Record:
    """Make a record of its fields as JSON and Parquet give them."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return Record(**fields)


class Journal:
    """Answers as they come, one JSON line each; what a kill cut in half does not count."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, records: Iterable[Record]) -> None:
        """Add records; a line torn by an earlier kill is ended first."""
        lines = [json.dumps(record._asdict(), ensure_ascii=False) + "\n" for record in records]
        with self.path.open("ab+") as opened:
            if opened.tell():
                opened.seek(-1, 2)
                lines.insert(0, "" if opened.read() == b"\n" else "\n")
            opened.write("".join(lines).encode())

    def __iter__(self) -> Iterator[Record]:
        """Yield the whole records."""
        if not self.path.exists():
            return
        for line in self.path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            yield record_from_row(row)
