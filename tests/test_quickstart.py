"""The quickstart from its drawn releases to its pages, with few images and short stages."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from visionflan import quickstart
from visionflan.builder.plan import BuildSettings
from visionflan.cli.main import EXTRAS
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.records.header import read_header
from visionflan.recipes.tiny import tiny
from visionflan.train.config import DataConfig, TrainConfig
from visionflan.train.pretrain_config import PretrainConfig

PRETRAIN = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=400, vision_steps=2, language_steps=2, batch_size=8
)


def short_recipe() -> TrainConfig:
    """Return the tiny recipe with two steps in each stage."""
    recipe = tiny()
    stages = tuple(replace(stage, steps=2) for stage in recipe.stages)
    chat = replace(stages[-1], batch_size=8, data=DataConfig(synthetic_conversations=20))
    return replace(
        recipe,
        pretrain=PRETRAIN,
        stages=(*stages[:-1], chat),
        runtime=replace(recipe.runtime, num_threads=1),
    )


def test_from_drawn_releases_to_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "SPECIMENS", {"mnist_m": 60, "caltech101": 60})
    settings = BuildSettings(hold_out_images=0.2, max_per_held_out_task=20)
    monkeypatch.setattr(quickstart, "MINIATURE", settings)
    monkeypatch.setattr(quickstart, "EVALUATION", EvalSelection(max_new_tokens=4, limit=2))
    monkeypatch.setattr(quickstart, "tiny", short_recipe)
    lines: list[str] = []
    report = quickstart.quickstart(tmp_path / "run", None, lines.append)

    assert report.read_text().count("<html") == 1
    assert (tmp_path / "run/comparison/compare.html").is_file()
    for stage in ("base", "chat"):
        header = read_header(tmp_path / "run/evaluation" / stage)
        assert header.overlap.known  # which images it was trained on
        assert "trained on none of the images" in header.overlap.describe()
        assert f"{stage}: {header.overlap.describe()}" in lines


def test_its_environment_runs_every_command() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    recipe = makefile.partition("/.quickstart: ")[2].partition("@touch")[0]
    extras = re.findall(r"'\.\[(.*)\]'", recipe)[0].split(",")
    left_out = {"adapters", "descriptor", "qlora", "quantization", "ray", "stores", "vllm", "wandb"}
    assert set(extras) >= set(EXTRAS.values()) - left_out
