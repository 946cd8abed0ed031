"""Records: one per answer, with what was asked, what was shown, the response and its scores.

Scores are computed from records, never the other way around, so that better rules can recompute
them without a model.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from visionflan.atomic_write import atomic_path
from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import RULES, ParseStatus, ScoringRule

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 3


class Record(NamedTuple):
    """The answer of a checkpoint to an item under a condition: one row of `records.parquet`."""

    schema: int
    run: str
    stage: str
    checkpoint: str  # digest of the checkpoint
    source: str  # digest of the build, or of the benchmark's release
    task: str  # `dataset/task`, or `benchmark/part`
    instance: str  # the item's name in its source
    sample_key: str  # sha256 of images, prompt, options and references; records are joined by it
    condition: str  # what the model was shown: see `visionflan.evaluate.conditions`
    images: tuple[str, ...]  # ids of the item's own images
    images_shown: tuple[str, ...]  # ids of those that the model was given
    image_cluster: str  # within which scores correlate
    prompt: str
    options: tuple[str, ...]
    target: str  # without the letter of an option
    references: tuple[str, ...]  # all accepted answers
    metric: str  # the metric of a held-out task, or the benchmark
    chance_score: float | None  # score of guessing; None: not defined for open questions
    majority_answer: str | None  # most frequent training answer; None: not trained on
    generation_config: str  # JSON
    response: str
    num_tokens: int  # of the response
    finish_reason: str  # `stop`, or `length` if it was cut at the limit of tokens
    error: str  # why there is no response; empty if there is one
    prompt_style: str = ""  # of a benchmark
    item_group: str = ""  # items of one group are scored together
    categories: tuple[str, ...] = ()  # abilities or subjects that the item counts for
    judge_context: str = ""  # shown only to an LLM judge
    candidates: tuple[str, ...] = ()  # all answers of a closed question
    logprobs: tuple[float, ...] = ()  # of each candidate as the complete answer
    parsed_lenient: str = ""  # the answer that the lenient rule read
    status_lenient: ParseStatus = "failed"
    parsed_official: str = ""
    status_official: ParseStatus = "failed"
    scored_by: Literal["rule", "judge"] = "rule"
    score_official: float | None = None  # None: missing data, as in the other scores
    score_lenient: float | None = None
    score_likelihood: float | None = None
    reference_score: float | None = None  # given by the judge to the reference answer

    @property
    def key(self) -> tuple[str, str, str]:
        """The task, the item and the condition: unique among the records of a checkpoint."""
        return self.task, self.sample_key, self.condition

    def score(self, rule: ScoringRule) -> float | None:
        """Return the score under a rule; None is missing data."""
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
    """Return the sha256 of an item's content, by which records are joined."""
    content = [list(images), prompt, list(options), list(references)]
    return sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def schema() -> "pa.Schema":
    """Return the columns of `records.parquet`."""
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
    """Write records atomically, ordered by key."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [record._asdict() for record in sorted(records, key=lambda record: record.key)]
    table = pa.Table.from_pylist(rows, schema=schema())
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_records(path: Path) -> list[Record]:
    """Read records; raise EvaluationError if the file has another schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()  # `read_table` would import much that is not needed
    except pa.ArrowException as error:
        raise EvaluationError(f"{path} is not a table of records: {error}") from error
    missing = [name for name in Record._fields if name not in table.column_names]
    if missing:
        raise EvaluationError(
            f"{path} has no column {', '.join(missing)}: it was written by another version of "
            "visionflan; run `visionflan evaluate` again (cached answers are reused)"
        )
    if others := set(table["schema"].unique().to_pylist()) - {SCHEMA}:
        raise EvaluationError(
            f"{path} has schema {min(others)} instead of {SCHEMA}: run `visionflan evaluate` again "
            "(cached answers are reused)"
        )
    return [record_from_row(row) for row in table.select(list(Record._fields)).to_pylist()]


def record_from_row(row: dict[str, Any]) -> Record:
    """Return a record from its fields as JSON and Parquet represent them."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return Record(**fields)


def check_scores(records: Iterable[Record], directory: Path | str) -> None:
    """Raise EvaluationError if a score is not a number, as only other programs write it."""
    for record in records:
        for rule in RULES:
            score = record.score(rule)
            if score is not None and not isfinite(score):
                raise EvaluationError(
                    f"the {rule} score of item {record.instance} of {record.task} in {directory} "
                    f"is {score}: score the answers again with `visionflan score {directory}`"
                )
