"""A stage with a mixture trains on the rows of its budget, and records them."""

import json
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_checkpoint import write_build
from visionflan.hashing import stable_hash
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.train.batch_sampler import BatchSampler
from visionflan.train.config import DataConfig, StageConfig, TrainConfig
from visionflan.train.data_record import seen_totals
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.run import train
from visionflan.train.selection import select_instances
from visionflan.train.tokenized_dataset import TokenizedDataset, tokenize_stage

STAGE = StageConfig(name="base", learning_rate=1e-3, steps=2, batch_size=8)


def test_the_rows_of_a_task_are_those_with_the_lowest_hashes(tmp_path: Path) -> None:
    build = BuildDirectory(write_build(tmp_path / "build", texts=6))
    data = DataConfig(mixture=MixtureConfig(max_per_task=2), tasks=("tiny/color", "tiny/text"))
    ids = [instance.id for instance in select_instances(build, data, 5)]
    assert len(ids) == 4
    for task in data.tasks:
        every = [i.id for i in build.instances("train", [task])]
        lowest = sorted(every, key=lambda id_: stable_hash(5, id_))[:2]
        assert [id_ for id_ in ids if id_ in every] == lowest


def tokenized(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, directory: Path, **settings: Any
) -> TokenizedDataset:
    """Tokenize a stage with a mixture."""
    data = DataConfig(mixture=MixtureConfig(**settings), max_dropped_fraction=0.4)
    return tokenize_stage(source, replace(STAGE, data=data), chat_tokenizer, directory, seed=0)


def ids_of(rows: TokenizedDataset) -> list[str]:
    return [rows.instance(number).id for number in range(len(rows))]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    """Return a build of 30 rows, four of which have a special token in their answers."""

    def spoil(one: Instance) -> Instance:
        return one._replace(turns=(one.turns[0], Turn("assistant", "a </s> b")))

    path = tmp_path_factory.mktemp("build") / "b"
    return BuildDirectory(write_build(path, texts=6, change=dict.fromkeys((3, 9, 14, 25), spoil)))


def test_budgets_count_what_is_trained_on_and_the_ledger_ends_with_them(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    full = tokenized(source, chat_tokenizer, tmp_path / "full", rows=1000)
    assert (len(full), full.dropped) == (26, {"special_token": 4})
    order = [i.id for i in select_instances(source, DataConfig(mixture=MixtureConfig(rows=1)), 0)]
    sums = full.num_target_tokens.cumsum().tolist()
    for number in (1, 7, 20, 26):
        expected = ids_of(full)[:number]
        budgets = {"rows": number}, {"target_tokens": sums[number - 1]}
        for count, budget in enumerate(budgets):
            rows = tokenized(source, chat_tokenizer, tmp_path / f"{number}{count}", **budget)
            assert ids_of(rows) == expected
            read = order.index(expected[-1]) + 1
            assert sum(rows.dropped.values()) == read - number
        more = {"target_tokens": sums[number - 1] + 1}
        rows = tokenized(source, chat_tokenizer, tmp_path / f"{number}more", **more)
        assert len(rows) == min(number + 1, len(full))


def test_a_run_records_its_rows_and_what_its_steps_have_seen(
    config: TrainConfig, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    mixture = MixtureConfig(rows=12, weights=("tiny/text:2",), temperature=1e6)
    stage = replace(STAGE, steps=3, data=DataConfig(mixture=mixture))
    checkpoint = train(replace(config, stages=(stage,)), tmp_path)
    run = json.loads((checkpoint / "run.json").read_bytes())
    file = tmp_path / "base/rows.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert sha256(file.read_bytes()).hexdigest() == run["data"]["rows_sha256"]
    expected = {"tiny/color": 3, "tiny/repeat": 3, "tiny/text": 6}
    assert run["data"]["rows_by_task"] == expected == Counter(row["task"] for row in rows)
    assert run["data"]["instances"] == 12 == len({row["id"] for row in rows})

    build = BuildDirectory(config.build or "")
    instances = {instance.id: instance for instance in build.instances()}
    assert all(instances[row["id"]].task == row["task"] for row in rows)
    turns = [instances[row["id"]].turns for row in rows]
    targets = [sum(row.loss_mask) for row in chat_tokenizer.encode_conversations(turns)]
    # An epoch has a step of 8 rows and one of 4, in either order; the third step is in the second.
    assert run["steps"] == 3
    assert run["rows_seen"] in (16, 20)
    assert sum(targets) < run["target_tokens_seen"] < 2 * sum(targets)


def test_the_totals_of_a_stage_count_every_row_of_every_step(
    source: BuildDirectory, chat_tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    rows = tokenized(source, chat_tokenizer, tmp_path, rows=12)
    once = int(rows.num_target_tokens.sum())
    for epochs in (1, 3):
        stage = replace(STAGE, steps=None, epochs=epochs)
        totals = seen_totals(sampler := BatchSampler(rows.lengths, stage, 0), rows, sampler.steps)
        assert totals == {"rows_seen": 12 * epochs, "target_tokens_seen": once * epochs}
