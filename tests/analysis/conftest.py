"""A small build, and a recipe of a few steps, for studies that run in seconds."""

import multiprocessing
import os
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest

from tests.helpers.tiny_runs import copy_run, train_tiny
from visionflan import catalog
from visionflan.analysis.run import PRELOAD
from visionflan.analysis.store import Store
from visionflan.atomic_write import locked
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.recipes.tiny import tiny
from visionflan.train.config import TrainConfig
from visionflan.train.pretrain_config import PretrainConfig

SHORT = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=600, vision_steps=2, language_steps=2, batch_size=8
)
DATASETS = ("caltech101", "ctw1500", "dtd", "pacs", "tdiuc", "textcaps")


@pytest.fixture(scope="session", autouse=True)
def step_server() -> None:
    """Start the process that those of steps are forked from, before a test starts one without."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(PRELOAD))
    forkserver.ensure_running()


@pytest.fixture(scope="session")
def study_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build of a few datasets, with held-out images."""
    directory = tmp_path_factory.mktemp("study")
    for name in DATASETS:
        catalog.load(name).write_specimen(directory / "releases" / name, 40)
    settings = BuildSettings(hold_out_images=0.3, max_per_task=60)
    build(directory / "releases", directory / "build", settings, workers=1)
    return directory / "build"


@pytest.fixture(scope="session")
def short_recipe() -> TrainConfig:
    """Return the tiny recipe with two or three steps a stage."""
    recipe = tiny()
    stages = []
    for stage in recipe.stages:
        data = replace(stage.data, max_dropped_fraction=0.9)
        if data.synthetic_conversations is not None:
            data = replace(data, synthetic_conversations=12)
        stages.append(replace(stage, data=data, steps=2))
    return replace(recipe, pretrain=SHORT, stages=tuple(stages))


@pytest.fixture(scope="session")
def finished_run(study_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run with the settings of the studies' recipe."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    train_tiny(study_build, directory)
    return directory


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run, to change."""
    return copy_run(finished_run, tmp_path / "copied")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store of steps."""
    store = Store(tmp_path / "store")
    store.open()
    return store


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store that all studies share, in all workers, so that shared steps are run once."""
    base = tmp_path_factory.getbasetemp()
    directory = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    store = Store(directory / "store-of-studies")
    with locked(directory / "store-of-studies.lock"):
        store.open()
    return store
