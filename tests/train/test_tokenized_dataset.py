"""A stage's instances are tokenized once; all that is dropped or truncated is in the ledger."""

import json
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.tiny_checkpoint import write_build
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.train.config import DataConfig, StageConfig
from visionflan.train.selection import select_instances
from visionflan.train.tokenized_dataset import tokenize_stage

STAGE = StageConfig(name="base", learning_rate=1.0, epochs=1, batch_size=8)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return BuildDirectory(write_build(tmp_path_factory.mktemp("build") / "b", texts=6))


def changed(path: Path, index: int, change: Callable[[Instance], Instance]) -> BuildDirectory:
    """Write a build with one of its instances changed."""
    return BuildDirectory(write_build(path / "build", change={index: change}))


def ledger(directory: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]


def test_rows_have_the_tokens_and_images_of_their_instances(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    rows = tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "rows", seed=0)
    assert len(rows) == 30
    assert rows.tasks == ["tiny/color", "tiny/repeat", "tiny/text"]
    for number in range(len(rows)):
        instance, row = rows.instance(number), rows.row(number)
        expected = chat_tokenizer.encode_conversations([instance.turns])[0]
        assert row.token_ids.tolist() == expected.token_ids
        assert row.loss_mask.tolist() == expected.loss_mask
        assert row.image_ids == list(instance.images)
        assert row.image_runs.tolist() == expected.image_runs == [16] * len(instance.images)
        assert rows.lengths[number] == len(chat_tokenizer.expand_images(expected).token_ids)
        assert rows.num_target_tokens[number] == sum(expected.loss_mask)
        assert rows.tasks[rows.task_ids[number]] == instance.task
    assert rows.image_ids == sorted(
        {image for instance in rows.instances for image in instance.images}
    )


def test_rows_are_tokenized_again_only_if_they_would_differ(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "rows", seed=0)
    before = (tmp_path / "rows" / "token_ids.npy").stat().st_mtime_ns
    tokenize_stage(
        source, replace(STAGE, learning_rate=2.0), chat_tokenizer, tmp_path / "rows", seed=0
    )
    assert (tmp_path / "rows" / "token_ids.npy").stat().st_mtime_ns == before
    rows = tokenize_stage(
        source, replace(STAGE, max_seq_len=99), chat_tokenizer, tmp_path / "rows", seed=0
    )
    assert (tmp_path / "rows" / "token_ids.npy").stat().st_mtime_ns != before
    assert rows.lengths.max() <= 99


def test_max_instances_selects_the_lowest_hashes_whatever_else_there_is(
    source: BuildDirectory, tmp_path: Path
) -> None:
    few = {
        instance.id for instance in select_instances(source, DataConfig(max_instances=5), seed=1)
    }
    more = {
        instance.id for instance in select_instances(source, DataConfig(max_instances=12), seed=1)
    }
    assert len(few) == 5
    assert few < more
    assert few != {
        instance.id for instance in select_instances(source, DataConfig(max_instances=5), seed=2)
    }
    larger = BuildDirectory(write_build(tmp_path / "larger", count=48, texts=6))
    selected = {
        instance.id for instance in select_instances(larger, DataConfig(max_instances=5), seed=1)
    }
    assert (
        selected & {instance.id for instance in select_instances(source, DataConfig(), seed=1)}
        <= few
    )


def test_tasks_are_chosen_by_patterns_and_an_unknown_one_is_refused(
    source: BuildDirectory,
) -> None:
    tasks = {
        instance.task
        for instance in select_instances(source, DataConfig(tasks=("*/r*", "tiny/text")), 0)
    }
    assert tasks == {"tiny/repeat", "tiny/text"}
    with pytest.raises(UnknownNameError, match="did you mean tiny/color"):
        select_instances(source, DataConfig(tasks=("tiny/colors",)), 0)
    with pytest.raises(TrainingError, match="has no held_out instances"):
        select_instances(source, DataConfig(split="held_out"), 0)


def test_only_the_end_of_an_answer_is_truncated_and_the_ledger_says_so(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    full = tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "full", seed=0)
    limit = int(full.lengths.max()) - 2
    rows = tokenize_stage(
        source, replace(STAGE, max_seq_len=limit), chat_tokenizer, tmp_path / "cut", seed=0
    )
    lines = ledger(tmp_path / "cut")
    assert len(rows) == len(full)
    assert len(lines) == rows.noted["truncated"] == int((full.lengths > limit).sum()) > 0
    assert {line["kind"] for line in lines} == {"note"}
    for number in range(len(rows)):
        before, after = full.row(number), rows.row(number)
        length = len(after.token_ids)
        assert np.array_equal(before.token_ids[:length], after.token_ids)
        assert before.loss_mask[length:].all()
        assert (after.token_ids == chat_tokenizer.image_token_id).sum() == len(after.image_ids)


def test_a_row_without_room_for_its_image_or_answer_is_dropped_and_the_ledger_says_so(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    full = tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "full", seed=0)
    limit = int(np.median(full.lengths)) - 5
    short = replace(STAGE, max_seq_len=limit, data=DataConfig(max_dropped_fraction=1.0))
    rows = tokenize_stage(source, short, chat_tokenizer, tmp_path / "short", seed=0)
    dropped = [line for line in ledger(tmp_path / "short") if line["kind"] == "dropped"]
    assert 0 < len(rows) < len(full)
    assert len(rows) + len(dropped) == len(full)
    assert rows.dropped == {"too_long": len(dropped)}
    assert (rows.num_target_tokens > 0).all()
    with pytest.raises(TrainingError, match=r"cannot be used for training \(too_long"):
        tokenize_stage(
            source, replace(STAGE, max_seq_len=limit), chat_tokenizer, tmp_path / "no", seed=0
        )


def test_a_row_without_room_for_its_second_image_is_dropped_and_not_truncated(
    chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    def twice(one: Instance) -> Instance:
        return one._replace(turns=one.turns * 2, images=one.images * 2)

    source = changed(tmp_path, 23, twice)
    full = tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "full", seed=0)
    turns = full.instance(int(full.lengths.argmax())).turns
    beginning = chat_tokenizer.encode_conversations([turns[:2]])[0]
    room_for_first = len(chat_tokenizer.expand_images(beginning).token_ids) + 16
    longest = int(full.lengths.max())
    for limit, dropped in ((longest - 1, {}), (room_for_first, {"too_long": 1})):
        stage = replace(STAGE, max_seq_len=limit, data=DataConfig(max_dropped_fraction=0.1))
        rows = tokenize_stage(source, stage, chat_tokenizer, tmp_path / f"{limit}", seed=0)
        assert rows.dropped == dropped
        for number in range(len(rows)):
            row = rows.row(number)
            assert (row.token_ids == chat_tokenizer.image_token_id).sum() == len(row.image_ids)


def test_a_row_that_the_chat_template_refuses_is_dropped_and_the_ledger_says_so(
    chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    refused = "{%- if 'refuse' in messages | string -%}{{ raise_exception('no') }}"
    processor = copy(chat_tokenizer.processor)
    processor.chat_template = f"{refused}{{%- endif -%}}{chat_tokenizer.chat_template}"
    source = changed(
        tmp_path, 3, lambda one: one._replace(turns=(one.turns[0], Turn("assistant", "refuse")))
    )
    lenient = replace(STAGE, data=DataConfig(max_dropped_fraction=0.1))
    strict = ChatTokenizer(processor, chat_tokenizer.images)
    rows = tokenize_stage(source, lenient, strict, tmp_path / "rows", seed=0)
    assert len(rows) == 23
    (line,) = ledger(tmp_path / "rows")
    assert line["id"] == "tiny/repeat/3"
    assert (line["kind"], line["reason"]) == ("dropped", "chat_template")
    assert line["detail"].startswith("the chat template cannot write a conversation (no)")
    for number in range(len(rows)):
        expected = chat_tokenizer.encode_conversations([rows.instance(number).turns])[0]
        assert rows.row(number).token_ids.tolist() == expected.token_ids


def test_a_row_with_a_special_token_in_its_text_is_dropped_and_the_ledger_says_so(
    chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    source = changed(
        tmp_path,
        3,
        lambda one: one._replace(turns=(one.turns[0], Turn("assistant", "a </s> b"))),
    )
    lenient = replace(STAGE, data=DataConfig(max_dropped_fraction=0.1))
    rows = tokenize_stage(source, lenient, chat_tokenizer, tmp_path / "rows", seed=0)
    assert rows.dropped == {"special_token": 1}
    assert len(rows) == 23
    line = ledger(tmp_path / "rows")[0]
    assert (line["id"], line["reason"]) == ("tiny/repeat/3", "special_token")
    with pytest.raises(TrainingError, match="of 24 instances, 1 cannot be used for training"):
        tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "strict", seed=0)


def test_a_row_without_target_tokens_is_named(
    chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    source = changed(tmp_path, 3, lambda one: one._replace(turns=one.turns[:1]))
    with pytest.raises(TrainingError, match="instance tiny/repeat/3 has no token to train on"):
        tokenize_stage(source, STAGE, chat_tokenizer, tmp_path / "rows", seed=0)
