"""A run directory: its files, what a run refuses, and that `transformers` opens its checkpoints."""

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
from visionflan.image_files import decode_image
from visionflan.model.fingerprint import weights_digest
from visionflan.model.generate import Checkpoint, generate_answers
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn
from visionflan.storage.trained_images import (
    TrainedImages,
    read_trained_images,
    write_trained_images,
)
from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json
from visionflan.train.run import train

RED = png((220, 20, 20), (40, 40))
QUESTION = "<image>\nwhat color ?"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    directory = tmp_path_factory.mktemp("config")
    return TrainConfig(
        name="run",
        build=write_build(directory / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(directory / "tower"),
            language_model=save_language_model(directory / "language_model"),
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
def finished(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    lines: list[str] = []
    assert train(config, run, log=lines.append) == run / "chat/checkpoint"
    assert [line.partition(":")[0] for line in lines] == ["align", "base", "chat"]
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "run")


def run_json(run: Path, stage: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / stage / "checkpoint/run.json").read_bytes())
    return content


def test_every_stage_leaves_its_checkpoint_its_metrics_and_its_ledger(finished: Path) -> None:
    for stage in ("align", "base", "chat"):
        files = {path.name for path in (finished / stage).iterdir()}
        assert files == {"checkpoint", "metrics.jsonl", "tensorboard", "ledger.jsonl"}
        assert any(
            path.stat().st_size > 100 for path in (finished / stage / "tensorboard").iterdir()
        )
        lines = (finished / stage / "metrics.jsonl").read_text().splitlines()
        last = json.loads(lines[-1])
        assert {"step", "loss", "learning_rate", "grad_norm", "elapsed_seconds"} <= last.keys()
        assert last["samples_per_second"] > 0
        assert last["tokens_per_second"] > last["samples_per_second"]
        assert 0 <= last["padding_fraction"] < 0.5
        assert min(last["tasks"].values()) <= last["loss"] <= max(last["tasks"].values())
    steps = [
        json.loads(line)["step"]
        for line in (finished / "base/metrics.jsonl").read_text().splitlines()
    ]
    assert steps == [2, 3]


def test_a_checkpoint_records_the_images_of_all_its_stages(
    finished: Path, config: TrainConfig
) -> None:
    assert config.build is not None
    build = BuildDirectory(config.build)
    for_training = {image for ids in build.instances("train").column("images") for image in ids}
    align, base, chat = (
        read_trained_images(finished / stage / "checkpoint") for stage in ("align", "base", "chat")
    )
    assert align.phashes
    assert align.phashes.keys() <= base.phashes.keys() <= chat.phashes.keys() <= for_training
    assert build.digest in base.builds
    assert chat.is_complete


def test_a_checkpoint_records_its_configuration_data_and_origin(
    finished: Path, config: TrainConfig
) -> None:
    assert config.build is not None
    digest = BuildDirectory(config.build).digest
    assert from_json(TrainConfig, json.loads((finished / "config.json").read_bytes())) == config
    for stage, before in (("base", "align"), ("chat", "base")):
        run = run_json(finished, stage)
        assert from_json(TrainConfig, run["config"]) == config
        assert (
            run["initialized_from"]["weights_sha256"]
            == run_json(finished, before)["weights_sha256"]
        )
        assert run["weights_sha256"] == weights_digest(finished / stage / "checkpoint")
        assert run["data"]["digest"] == digest
        assert run["seed"] == config.seed
        assert run["versions"]["torch"] == torch.__version__
        assert run["fingerprint"] == run_json(finished, before)["fingerprint"]
        assert run["weights_sha256"] != run["initialized_from"]["weights_sha256"]
    assert run_json(finished, "chat")["data"]["instances"] == 10
    assert run_json(finished, "base")["data"]["instances"] == 30


def test_a_fresh_process_opens_a_checkpoint_and_generates_the_same_answer(finished: Path) -> None:
    checkpoint = finished / "chat/checkpoint"
    (finished / "red.png").write_bytes(RED)
    code = f"""
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
model = AutoModelForImageTextToText.from_pretrained({str(checkpoint)!r})
processor = AutoProcessor.from_pretrained({str(checkpoint)!r})
turn = {{"role": "user", "content": [
    {{"type": "image", "image": Image.open({str(finished / "red.png")!r})}},
    {{"type": "text", "text": "\\nwhat color ?"}}]}}
inputs = processor.apply_chat_template(
    [turn], tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
generated = model.generate(**inputs, max_new_tokens=8)[0, inputs["input_ids"].shape[1]:]
print("answer:", processor.decode(generated, skip_special_tokens=True).strip())
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    opened, image = Checkpoint.load(checkpoint, "cpu"), decode_image(RED)
    ours = generate_answers(opened, [[Turn("user", QUESTION)]], [[image]], max_new_tokens=8)[0]
    assert ours.text
    assert f"answer: {ours.text}" in printed


def test_finished_stages_are_not_repeated_and_the_runtime_may_change(
    run: Path, config: TrainConfig
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    lines: list[str] = []
    train(
        replace(config, runtime=RuntimeConfig(num_threads=2, device="cpu")), run, log=lines.append
    )
    assert all("already done" in line for line in lines)
    assert len(lines) == 3
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before


def test_settings_of_started_stages_are_fixed_and_others_may_change(
    run: Path, config: TrainConfig
) -> None:
    align, base, chat = config.stages
    for other, name in (
        (replace(config, seed=1), "seed"),
        (replace(config, init=replace(config.init, chat_template="plain")), "init"),
        (replace(config, stages=(align, replace(base, steps=4), chat)), "stages.base.steps"),
        (replace(config, stages=(align, chat)), r"`base` is missing"),
    ):
        with pytest.raises(TrainingError, match=f"started with a different .*{name}"):
            train(other, run)
    shutil.rmtree(run / "chat")
    other = replace(config, stages=(align, base, replace(chat, learning_rate=5e-4)))
    train(other, run)
    assert run_json(run, "chat")["config"]["stages"][2]["learning_rate"] == 5e-4


def test_a_single_stage_needs_the_checkpoint_of_the_previous_one(
    run: Path, config: TrainConfig
) -> None:
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
def test_a_checkpoint_that_was_changed_is_refused(
    run: Path, config: TrainConfig, part: str
) -> None:
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
        file = checkpoint / "run.json"
        changed = json.loads(file.read_bytes()) | {"weights_sha256": weights_digest(checkpoint)}
        file.write_text(json.dumps(changed))
    message = (
        "do not match the digest in its run.json"
        if part == "weights"
        else f"different {part.replace('_', ' ')}"
    )
    with pytest.raises(TrainingError, match=message):
        train(config, run)


def test_parts_that_another_run_pretrained_bring_their_images(
    config: TrainConfig, tmp_path: Path
) -> None:
    assert config.init.vision_tower is not None
    tower = shutil.copytree(config.init.vision_tower, tmp_path / "tower")
    write_trained_images(tower, TrainedImages({"a" * 64: 1}, {"digest": "elsewhere"}))
    align = config.stages[:1]
    init = replace(config.init, vision_tower=tower)
    train(replace(config, init=init, stages=align), tmp_path / "run")
    images = read_trained_images(tmp_path / "run/align/checkpoint")
    assert len(images.phashes) > images.phashes["a" * 64] == 1
    assert images.builds["digest"] == "elsewhere"
    assert images.is_complete


def test_an_initial_checkpoint_must_have_the_configured_parts(
    finished: Path, config: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = finished / "base/checkpoint"
    chat = replace(config, stages=config.stages[2:])
    start = replace(config.init, checkpoint=checkpoint, chat_template="vicuna")
    train(replace(chat, init=start), tmp_path / "right")
    assert run_json(tmp_path / "right", "chat")["initialized_from"][
        "weights_sha256"
    ] == weights_digest(checkpoint)
    images, inherited = (
        read_trained_images(path) for path in (tmp_path / "right/chat/checkpoint", checkpoint)
    )
    assert images.phashes.keys() >= inherited.phashes.keys() != set()
    assert images.is_complete
    other = save_tower(tmp_path / "tower", side=64)
    with pytest.raises(TrainingError, match="with a different vision tower than"):
        train(replace(chat, init=replace(start, vision_tower=other)), tmp_path / "tower_run")
    qwen2 = save_language_model(tmp_path / "qwen2", "qwen2")
    with pytest.raises(TrainingError, match="with a different tokenizer than"):
        train(replace(chat, init=replace(start, language_model=qwen2)), tmp_path / "tokenizer_run")
    with pytest.raises(TrainingError, match="no model to start from"):
        train(replace(chat, init=InitConfig()), tmp_path / "nothing")
    with pytest.raises(TrainingError, match="has no data: use --build"):
        train(replace(chat, build=None), tmp_path / "nothing")


def test_a_trained_vision_tower_is_passed_on_to_the_next_stage(
    config: TrainConfig, tmp_path: Path
) -> None:
    _, base, chat = config.stages
    full = replace(base, trainable=("vision_tower", "connector", "language_model"))
    runtime = replace(config.runtime, image_cache="pixels")
    train(replace(config, stages=(full, chat), runtime=runtime), tmp_path)
    towers = [
        run_json(tmp_path, stage)["fingerprint"]["vision_tower"] for stage in ("base", "chat")
    ]
    assert towers[0] == towers[1]
    assert towers[0] != json.loads((tmp_path / "initial_model.json").read_bytes())["vision_tower"]


def test_features_are_kept_where_the_runtime_says(config: TrainConfig, tmp_path: Path) -> None:
    runtime = replace(config.runtime, feature_cache_dir=tmp_path / "shared")
    train(replace(config, stages=config.stages[:1], runtime=runtime), tmp_path / "run")
    assert len(list((tmp_path / "shared").glob("*.npy"))) == 1
    assert not (tmp_path / "run" / "features").exists()


def test_rows_longer_than_the_language_models_positions_are_refused(
    config: TrainConfig, tmp_path: Path
) -> None:
    language_model = save_language_model(tmp_path / "language_model", positions=80)
    start = replace(config.init, language_model=language_model)
    with pytest.raises(TrainingError, match=r"has 80 positions: set stages\.base\.max_seq_len"):
        train(replace(config, init=start, stages=config.stages[1:2]), tmp_path / "run")
    shorter = replace(config.stages[1], max_seq_len=80, data=DataConfig(max_dropped_fraction=0.5))
    train(replace(config, init=start, stages=(shorter,)), tmp_path / "run")


def test_a_bfloat16_checkpoint_is_saved_if_configured_and_trained_further(
    config: TrainConfig, tmp_path: Path
) -> None:
    half = replace(config, checkpoint_dtype="bfloat16", stages=config.stages[:2])
    checkpoint = train(half, tmp_path)
    dtypes = {weight.dtype for weight in load_file(checkpoint / "model.safetensors").values()}
    assert dtypes == {torch.bfloat16}
    assert Checkpoint.load(checkpoint, "cpu").vlm.model.dtype == torch.float32


def test_the_embeddings_of_a_tied_head_stay_tied(config: TrainConfig, tmp_path: Path) -> None:
    language_model = save_language_model(tmp_path / "qwen2", "qwen2")
    start = replace(config.init, language_model=language_model)
    checkpoint = train(replace(config, init=start, stages=config.stages[1:2]), tmp_path / "run")
    model: Any = Checkpoint.load(checkpoint, "cpu").vlm.model
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert "lm_head.weight" not in load_file(checkpoint / "model.safetensors")
