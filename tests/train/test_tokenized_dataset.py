"""What a stage reads is encoded once; nothing is lost or cut without being told."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families.llava import Llava
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.train.config import DataConfig, StageConfig
from visionflan.train.tokenized_dataset import select_instances, tokenize_stage

STAGE = StageConfig(name="base", learning_rate=1.0, epochs=1, batch_size=8)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    folder = tmp_path_factory.mktemp("parts")
    tower, words = save_tower(folder / "tower"), save_language_model(folder / "words")
    return Llava.make_chat_tokenizer(Llava.build(tower, words).processor)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return BuildDirectory(write_build(tmp_path_factory.mktemp("build") / "b", texts=6))


def changed(folder: Path, number: int, change: Callable[[Instance], Instance]) -> BuildDirectory:
    """Write a build in which one instance is another."""
    return BuildDirectory(write_build(folder / "build", change={number: change}))


def ledger(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def test_rows_hold_the_tokens_and_images_of_their_instances(
    source: BuildDirectory, encoder: ChatTokenizer, tmp_path: Path
) -> None:
    rows = tokenize_stage(source, STAGE, encoder, tmp_path / "rows", seed=0)
    assert len(rows) == 30
    assert rows.tasks == ["tiny/colour", "tiny/repeat", "tiny/text"]
    for number in range(len(rows)):
        instance, row = rows.instance(number), rows.row(number)
        expected = encoder.encode_conversations([instance.turns])[0]
        assert row.tokens.tolist() == expected.token_ids
        assert row.learned.tolist() == expected.loss_mask
        assert row.images == list(instance.images)
        assert rows.lengths[number] == len(encoder.expand_image_tokens(expected.token_ids))
        assert rows.taught[number] == sum(expected.loss_mask)
        assert rows.tasks[rows.task[number]] == instance.task
    assert rows.images == sorted({image for one in rows.instances for image in one.images})


def test_rows_are_encoded_again_only_when_they_would_be_others(
    source: BuildDirectory, encoder: ChatTokenizer, tmp_path: Path
) -> None:
    tokenize_stage(source, STAGE, encoder, tmp_path / "rows", seed=0)
    before = (tmp_path / "rows" / "tokens.npy").stat().st_mtime_ns
    tokenize_stage(source, replace(STAGE, learning_rate=2.0), encoder, tmp_path / "rows", seed=0)
    assert (tmp_path / "rows" / "tokens.npy").stat().st_mtime_ns == before
    rows = tokenize_stage(
        source, replace(STAGE, max_seq_len=99), encoder, tmp_path / "rows", seed=0
    )
    assert (tmp_path / "rows" / "tokens.npy").stat().st_mtime_ns != before
    assert rows.lengths.max() <= 99


def test_a_limit_keeps_the_lowest_ranks_whatever_else_there_is(
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
    kept = {
        instance.id for instance in select_instances(larger, DataConfig(max_instances=5), seed=1)
    }
    assert (
        kept & {instance.id for instance in select_instances(source, DataConfig(), seed=1)} <= few
    )


def test_tasks_are_chosen_by_patterns_and_an_unknown_one_is_refused(
    source: BuildDirectory,
) -> None:
    tasks = {
        instance.task
        for instance in select_instances(source, DataConfig(tasks=("*/r*", "tiny/text")), 0)
    }
    assert tasks == {"tiny/repeat", "tiny/text"}
    with pytest.raises(UnknownNameError, match="did you mean tiny/colour"):
        select_instances(source, DataConfig(tasks=("tiny/color",)), 0)
    with pytest.raises(TrainingError, match="holds no held_out instances"):
        select_instances(source, DataConfig(split="held_out"), 0)


def test_only_the_end_of_an_answer_is_cut_and_it_is_told(
    source: BuildDirectory, encoder: ChatTokenizer, tmp_path: Path
) -> None:
    whole = tokenize_stage(source, STAGE, encoder, tmp_path / "whole", seed=0)
    limit = int(whole.lengths.max()) - 2
    rows = tokenize_stage(
        source, replace(STAGE, max_seq_len=limit), encoder, tmp_path / "cut", seed=0
    )
    lines = ledger(tmp_path / "cut")
    assert len(rows) == len(whole)
    assert len(lines) == rows.noted["cut"] == int((whole.lengths > limit).sum()) > 0
    assert {line["kind"] for line in lines} == {"note"}
    for number in range(len(rows)):
        before, after = whole.row(number), rows.row(number)
        kept = len(after.tokens)
        assert np.array_equal(before.tokens[:kept], after.tokens)
        assert before.learned[kept:].all()
        assert (after.tokens == encoder.image_token_id).sum() == len(after.images)


def test_a_row_whose_image_or_answer_finds_no_room_is_lost_and_told(
    source: BuildDirectory, encoder: ChatTokenizer, tmp_path: Path
) -> None:
    whole = tokenize_stage(source, STAGE, encoder, tmp_path / "whole", seed=0)
    limit = int(np.median(whole.lengths)) - 5
    short = replace(STAGE, max_seq_len=limit, data=DataConfig(max_dropped_fraction=1.0))
    rows = tokenize_stage(source, short, encoder, tmp_path / "short", seed=0)
    lost = [line for line in ledger(tmp_path / "short") if line["kind"] == "lost"]
    assert 0 < len(rows) < len(whole)
    assert len(rows) + len(lost) == len(whole)
    assert rows.lost == {"too_long": len(lost)}
    assert (rows.taught > 0).all()
    with pytest.raises(TrainingError, match=r"instances cannot be trained on \(too_long"):
        tokenize_stage(source, replace(STAGE, max_seq_len=limit), encoder, tmp_path / "no", seed=0)


def test_a_row_whose_later_image_finds_no_room_is_lost_and_not_cut(
    encoder: ChatTokenizer, tmp_path: Path
) -> None:
    def twice(one: Instance) -> Instance:
        return one._replace(turns=one.turns * 2, images=one.images * 2)

    source = changed(tmp_path, 23, twice)
    whole = tokenize_stage(source, STAGE, encoder, tmp_path / "whole", seed=0)
    turns = whole.instance(int(whole.lengths.argmax())).turns
    first = len(encoder.expand_image_tokens(encoder.encode_conversations([turns[:2]])[0].token_ids))
    room_for_the_first = first + encoder.tokens_per_image
    longest = int(whole.lengths.max())
    for limit, lost in ((longest - 1, {}), (room_for_the_first, {"too_long": 1})):
        stage = replace(STAGE, max_seq_len=limit, data=DataConfig(max_dropped_fraction=0.1))
        rows = tokenize_stage(source, stage, encoder, tmp_path / f"{limit}", seed=0)
        assert rows.lost == lost
        for number in range(len(rows)):
            row = rows.row(number)
            assert (row.tokens == encoder.image_token_id).sum() == len(row.images)


def test_words_that_hold_a_reserved_token_lose_their_row_and_it_is_told(
    encoder: ChatTokenizer, tmp_path: Path
) -> None:
    source = changed(
        tmp_path,
        3,
        lambda one: one._replace(turns=(one.turns[0], Turn("assistant", "a </s> b"))),
    )
    lenient = replace(STAGE, data=DataConfig(max_dropped_fraction=0.1))
    rows = tokenize_stage(source, lenient, encoder, tmp_path / "rows", seed=0)
    assert rows.lost == {"special_token": 1}
    assert len(rows) == 23
    line = ledger(tmp_path / "rows")[0]
    assert (line["id"], line["reason"]) == ("tiny/repeat/3", "special_token")
    with pytest.raises(TrainingError, match="1 of 24 instances cannot be trained on"):
        tokenize_stage(source, STAGE, encoder, tmp_path / "strict", seed=0)


def test_a_row_that_would_teach_nothing_is_named(encoder: ChatTokenizer, tmp_path: Path) -> None:
    source = changed(tmp_path, 3, lambda one: one._replace(turns=one.turns[:1]))
    with pytest.raises(TrainingError, match="instance tiny/repeat/3 has no token to learn"):
        tokenize_stage(source, STAGE, encoder, tmp_path / "rows", seed=0)
