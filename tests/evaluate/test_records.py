import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.errors import EvaluationError
from visionflan.evaluate.records.journal import Journal
from visionflan.evaluate.records.record import (
    SCHEMA,
    Record,
    read_records,
    sample_key,
    write_records,
)


def record(key: str = "k", answer: str = "red", task: str = "shapes/color") -> Record:
    return Record(
        schema=SCHEMA,
        run="r",
        stage="base",
        checkpoint="c",
        source="b",
        task=task,
        instance="shapes/color/1",
        sample_key=key,
        condition="original",
        images=("i",),
        images_shown=("i",),
        image_cluster="i",
        prompt="<image>\nWhich color?",
        options=(),
        target="red",
        references=("red", "dark red"),
        metric="exact_match",
        chance_score=0.25,
        majority_answer=None,
        generation_config="{}",
        response=answer,
        num_tokens=1,
        finish_reason="stop",
        error="",
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(answer=TEXT, key=TEXT)
@settings(max_examples=25, deadline=None)
def test_records_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, answer: str, key: str
) -> None:
    directory = tmp_path_factory.mktemp("records")
    records = [record(key, answer), record(key, answer, "shapes/exists")]
    write_records(directory / "records.parquet", records[::-1])
    assert read_records(directory / "records.parquet") == records
    journal = Journal(directory / "answers.jsonl")
    journal.append(records)
    assert list(journal) == records


def test_the_same_records_make_the_same_file(tmp_path: Path) -> None:
    records = [record(str(number)) for number in range(5)]
    write_records(tmp_path / "a.parquet", records)
    write_records(tmp_path / "b.parquet", records[::-1])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_table_that_holds_no_records_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"task": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(EvaluationError, match="has no column schema, run"):
        read_records(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(EvaluationError, match="not a table of records"):
        read_records(tmp_path / "text.parquet")


@pytest.mark.parametrize("num_bytes", [1, 10, 200])
def test_a_line_that_a_kill_cut_in_half_does_not_count(tmp_path: Path, num_bytes: int) -> None:
    journal = Journal(tmp_path / "answers.jsonl")
    journal.append([record("one"), record("two")])
    journal.path.write_bytes(journal.path.read_bytes()[:-num_bytes])
    assert [stored.sample_key for stored in journal] == (
        ["one", "two"] if num_bytes == 1 else ["one"]
    )
    journal.append([record("three")])
    assert [stored.sample_key for stored in journal][-1] == "three"


def test_a_journal_is_read_without_this_package(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "answers.jsonl")
    journal.append([record(answer="two\nlines")])
    (line,) = journal.path.read_text().splitlines()
    assert json.loads(line)["response"] == "two\nlines"


def test_an_item_is_named_by_all_that_it_consists_of() -> None:
    keys = {
        sample_key(["i"], "p", ["a", "b"], ["a"]),
        sample_key(["j"], "p", ["a", "b"], ["a"]),
        sample_key(["i"], "q", ["a", "b"], ["a"]),
        sample_key(["i"], "p", ["b", "a"], ["a"]),
        sample_key(["i"], "p", ["a", "b"], ["b"]),
        sample_key(["i"], "p", ["a"], ["b", "a"]),
    }
    assert len(keys) == 6
    assert sample_key(("i",), "p", ("a", "b"), ("a",)) in keys


def test_records_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    write_records(path, [record()._replace(schema=1)])
    with pytest.raises(EvaluationError, match="has schema 1 instead of 3: run `visionflan"):
        read_records(path)
