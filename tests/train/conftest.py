"""Fixtures of several tests of training."""

import multiprocessing
import shutil
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.helpers.held_out_build import write_held_out_build
from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.analysis.run import PRELOAD
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families.llava import Llava
from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train
from visionflan.train.validation_config import ValidationConfig


@pytest.fixture(scope="session")
def context() -> ForkServerContext:
    """Return a context that loads the libraries once, in the process that others fork from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    return context


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a run of one stage of eight steps, with a state saved after each."""
    directory = tmp_path_factory.mktemp("config")
    return TrainConfig(
        name="trainer",
        build=write_build(directory / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(directory / "tower"),
            language_model=save_language_model(directory / "language_model"),
        ),
        runtime=RuntimeConfig(
            num_threads=1,
            log_every_steps=1,
            checkpoint_every_seconds=0,
            micro_batch_tokens=300,
            device="cpu",
        ),
        stages=(
            StageConfig(name="base", learning_rate=1e-3, epochs=2, batch_size=8, weight_decay=0.1),
        ),
    )


@pytest.fixture(scope="session")
def chat_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    """Return the tokenizer of tiny parts."""
    directory = tmp_path_factory.mktemp("parts")
    tower = save_tower(directory / "tower")
    language_model = save_language_model(directory / "language_model")
    return Llava.make_chat_tokenizer(Llava.build(tower, language_model).processor)


@pytest.fixture(scope="session")
def run_config(config: TrainConfig) -> TrainConfig:
    """Return a run of three short stages."""
    return replace(
        config,
        name="run",
        runtime=RuntimeConfig(
            num_threads=1, log_every_steps=2, device="cpu", image_cache="features"
        ),
        stages=(
            StageConfig(
                name="align", learning_rate=1e-3, trainable=("connector",), steps=2, batch_size=8
            ),
            StageConfig(name="base", learning_rate=3e-3, steps=3, batch_size=8),
            StageConfig(
                name="chat",
                learning_rate=1e-3,
                steps=2,
                batch_tokens=800,
                data=DataConfig(max_instances=10),
            ),
        ),
    )


@pytest.fixture(scope="session")
def finished(run_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run, not to be changed."""
    run = tmp_path_factory.mktemp("run")
    lines: list[str] = []
    assert train(run_config, run, log=lines.append) == run / "chat/checkpoint"
    assert [line.partition(":")[0] for line in lines] == ["align", "base", "chat"]
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished run."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture(scope="session")
def validated(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a run with dropout, whose held-out loss is lowest before the last step."""
    directory = tmp_path_factory.mktemp("validated")
    stage = StageConfig(
        name="base",
        learning_rate=2e-2,
        steps=12,
        batch_size=6,
        lr_schedule="constant",
        warmup_fraction=0.0,
        validation=ValidationConfig(every_steps=2, max_instances=None),
    )
    language_model = save_language_model(directory / "language_model", dropout=0.3)
    return replace(
        config,
        build=write_held_out_build(directory / "build"),
        init=replace(config.init, language_model=language_model),
        stages=(stage,),
    )
