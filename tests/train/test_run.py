"""A run's folder: what it holds, what it refuses, and that others can open what it leaves."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.helpers.tiny_checkpoint import png, save_language_model, save_tower, write_build
from visionflan.errors import TrainingError
from visionflan.model.fingerprint import weights_digest
from visionflan.model.generate import generate_answers, load_checkpoint
from visionflan.model.image_processing import decode
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn
from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json
from visionflan.train.run import train

RED = png((220, 20, 20), (40, 40))
QUESTION = "<image>\nwhat colour ?"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    folder = tmp_path_factory.mktemp("given")
    return TrainConfig(
        name="run",
        build=write_build(folder / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(folder / "tower"),
            language_model=save_language_model(folder / "words"),
        ),
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


@pytest.fixture(scope="module")
def made(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    said: list[str] = []
    assert train(config, run, say=said.append) == run / "chat/checkpoint"
    assert [line.partition(":")[0] for line in said] == ["align", "base", "chat"]
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "run")


def told(run: Path, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / stage / "checkpoint/run.json").read_bytes())
    return found


def test_every_stage_leaves_its_checkpoint_its_lines_and_its_ledger(made: Path) -> None:
    for stage in ("align", "base", "chat"):
        left = {path.name for path in (made / stage).iterdir()}
        assert left == {"checkpoint", "metrics.jsonl", "tensorboard", "ledger.jsonl"}
        assert any(path.stat().st_size > 100 for path in (made / stage / "tensorboard").iterdir())
        lines = (made / stage / "metrics.jsonl").read_text().splitlines()
        last = json.loads(lines[-1])
        assert {"step", "loss", "learning_rate", "gradient_norm", "seconds"} <= last.keys()
        assert last["samples_per_second"] > 0
        assert last["tokens_per_second"] > last["samples_per_second"]
        assert 0 <= last["padding"] < 0.5
        assert min(last["tasks"].values()) <= last["loss"] <= max(last["tasks"].values())
    steps = [
        json.loads(line)["step"] for line in (made / "base/metrics.jsonl").read_text().splitlines()
    ]
    assert steps == [2, 3]


def test_a_checkpoint_tells_what_it_was_made_of(made: Path, config: TrainConfig) -> None:
    assert config.build is not None
    digest = BuildDirectory(config.build).digest
    assert from_json(TrainConfig, json.loads((made / "config.json").read_bytes())) == config
    for stage, before in (("base", "align"), ("chat", "base")):
        run = told(made, stage)
        assert from_json(TrainConfig, run["config"]) == config
        assert run["parent"]["weights"] == told(made, before)["weights"]
        assert run["weights"] == weights_digest(made / stage / "checkpoint")
        assert run["data"]["digest"] == digest
        assert run["seed"] == config.seed
        assert run["versions"]["torch"] == torch.__version__
        assert run["identity"] == told(made, before)["identity"]
        assert run["weights"] != run["parent"]["weights"]
    assert told(made, "chat")["data"]["instances"] == 10
    assert told(made, "base")["data"]["instances"] == 30


def test_a_fresh_process_opens_a_checkpoint_and_gives_the_same_answer(made: Path) -> None:
    checkpoint = made / "chat/checkpoint"
    (made / "red.png").write_bytes(RED)
    code = f"""
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
model = AutoModelForImageTextToText.from_pretrained({str(checkpoint)!r})
processor = AutoProcessor.from_pretrained({str(checkpoint)!r})
turn = {{"role": "user", "content": [
    {{"type": "image", "image": Image.open({str(made / "red.png")!r})}},
    {{"type": "text", "text": "\\nwhat colour ?"}}]}}
given = processor.apply_chat_template(
    [turn], tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
written = model.generate(**given, max_new_tokens=8)[0, given["input_ids"].shape[1]:]
print("said", processor.decode(written, skip_special_tokens=True).strip())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    opened = load_checkpoint(checkpoint, "cpu")
    ours = generate_answers(opened, [[Turn("user", QUESTION)]], [[decode(RED)]], max_new_tokens=8)[
        0
    ]
    assert ours.text
    assert f"said {ours.text}" in done


def test_what_is_done_is_not_done_again_and_the_machine_may_change(
    run: Path, config: TrainConfig
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    said: list[str] = []
    train(replace(config, runtime=RuntimeConfig(num_threads=2, device="cpu")), run, say=said.append)
    assert all("done before" in line for line in said)
    assert len(said) == 3
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before


def test_settings_of_what_has_begun_are_bound_and_others_are_free(
    run: Path, config: TrainConfig
) -> None:
    align, base, chat = config.stages
    for other, name in (
        (replace(config, seed=1), "seed"),
        (replace(config, init=replace(config.init, chat_template="plain")), "init"),
        (replace(config, stages=(align, replace(base, steps=4), chat)), "stages.base.steps"),
        (replace(config, stages=(align, chat)), r"`base` is missing now"),
    ):
        with pytest.raises(TrainingError, match=f"begun with another .*{name}"):
            train(other, run)
    shutil.rmtree(run / "chat")
    other = replace(config, stages=(align, base, replace(chat, learning_rate=5e-4)))
    train(other, run)
    assert told(run, "chat")["config"]["stages"][2]["learning_rate"] == 5e-4


def test_one_stage_needs_the_checkpoint_before_it(run: Path, config: TrainConfig) -> None:
    shutil.rmtree(run / "chat")
    train(config, run, only="chat")
    assert (run / "chat/checkpoint/run.json").is_file()
    shutil.rmtree(run / "chat")
    shutil.rmtree(run / "base")
    with pytest.raises(TrainingError, match="starts from base, which has no checkpoint"):
        train(config, run, only="chat")
    with pytest.raises(TrainingError, match="no stage 'chta'; its stages are align, base, chat"):
        train(config, run, only="chta")


@pytest.mark.parametrize("part", ["vision_tower", "chat_template", "tokenizer", "weights"])
def test_a_parent_that_was_exchanged_is_refused(run: Path, config: TrainConfig, part: str) -> None:
    shutil.rmtree(run / "chat")
    checkpoint = run / "base/checkpoint"
    if part in ("vision_tower", "weights"):
        weights = load_file(checkpoint / "model.safetensors")
        kind = "vision_tower" if part == "vision_tower" else "multi_modal_projector"
        name = next(name for name in weights if name.startswith(kind) and weights[name].ndim > 1)
        weights[name] = weights[name] * 1.1
        save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    if part == "chat_template":
        file = checkpoint / "chat_template.jinja"
        file.write_text(file.read_text().replace("USER", "Human"))
    if part == "tokenizer":
        file = checkpoint / "tokenizer.json"
        file.write_text(file.read_text().replace('"<0x41>"', '"<0x4Z>"'))
    if part == "vision_tower":
        run_json = checkpoint / "run.json"
        changed = json.loads(run_json.read_bytes()) | {"weights": weights_digest(checkpoint)}
        run_json.write_text(json.dumps(changed))
    complaint = (
        "are not those that its run.json names"
        if part == "weights"
        else f"another {part.replace('_', ' ')}"
    )
    with pytest.raises(TrainingError, match=complaint):
        train(config, run)


def test_a_checkpoint_to_start_from_must_be_made_of_what_is_told(
    made: Path, config: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = made / "base/checkpoint"
    chat = replace(config, stages=config.stages[2:])
    start = replace(config.init, checkpoint=checkpoint, chat_template="vicuna")
    train(replace(chat, init=start), tmp_path / "right")
    assert told(tmp_path / "right", "chat")["parent"]["weights"] == weights_digest(checkpoint)
    other = save_tower(tmp_path / "tower", side=64)
    with pytest.raises(TrainingError, match="has another tower than"):
        train(replace(chat, init=replace(start, vision_tower=other)), tmp_path / "tower_run")
    words = save_language_model(tmp_path / "qwen2", "qwen2")
    with pytest.raises(TrainingError, match="has another tokenizer than"):
        train(replace(chat, init=replace(start, language_model=words)), tmp_path / "words_run")
    with pytest.raises(TrainingError, match="no model to start from"):
        train(replace(chat, init=InitConfig()), tmp_path / "nothing")
    with pytest.raises(TrainingError, match="has nothing to read: give --build"):
        train(replace(chat, build=None), tmp_path / "nothing")


def test_a_stage_that_trains_the_tower_hands_on_its_own(
    config: TrainConfig, tmp_path: Path
) -> None:
    _, base, chat = config.stages
    whole = replace(base, trainable=("vision_tower", "connector", "language_model"))
    runtime = replace(config.runtime, image_cache="pixels")
    train(replace(config, stages=(whole, chat), runtime=runtime), tmp_path)
    towers = [told(tmp_path, stage)["identity"]["vision_tower"] for stage in ("base", "chat")]
    assert towers[0] == towers[1]
    assert towers[0] != json.loads((tmp_path / "start.json").read_bytes())["vision_tower"]


def test_rows_longer_than_the_language_model_can_read_are_refused(
    config: TrainConfig, tmp_path: Path
) -> None:
    words = save_language_model(tmp_path / "words", positions=80)
    start = replace(config.init, language_model=words)
    with pytest.raises(TrainingError, match=r"knows 80 positions: set stages\.base\.max_seq_len"):
        train(replace(config, init=start, stages=config.stages[1:2]), tmp_path / "run")
    shorter = replace(config.stages[1], max_seq_len=80, data=DataConfig(max_dropped_fraction=0.5))
    train(replace(config, init=start, stages=(shorter,)), tmp_path / "run")


def test_half_precision_is_saved_where_it_is_told_and_goes_on(
    config: TrainConfig, tmp_path: Path
) -> None:
    half = replace(config, checkpoint_dtype="bfloat16", stages=config.stages[:2])
    checkpoint = train(half, tmp_path)
    kinds = {weight.dtype for weight in load_file(checkpoint / "model.safetensors").values()}
    assert kinds == {torch.bfloat16}
    assert load_checkpoint(checkpoint, "cpu").vlm.model.dtype == torch.float32


def test_the_embeddings_of_a_tied_head_stay_tied(config: TrainConfig, tmp_path: Path) -> None:
    words = save_language_model(tmp_path / "qwen2", "qwen2")
    start = replace(config.init, language_model=words)
    checkpoint = train(replace(config, init=start, stages=config.stages[1:2]), tmp_path / "run")
    model: Any = load_checkpoint(checkpoint, "cpu").vlm.model
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert "lm_head.weight" not in load_file(checkpoint / "model.safetensors")
