"""What a run starts from: its own earlier stages, parts of another run, or a checkpoint."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.helpers.tiny_checkpoint import run_json, save_language_model, save_tower
from visionflan.atomic_write import sole_user
from visionflan.errors import TrainingError
from visionflan.model.fingerprint import weights_digest
from visionflan.storage.trained_images import (
    TrainedImages,
    read_trained_images,
    write_trained_images,
)
from visionflan.train.config import InitConfig, TrainConfig
from visionflan.train.run import sole_run, train


def test_a_single_stage_needs_the_checkpoint_of_the_previous_one(
    run: Path, run_config: TrainConfig
) -> None:
    shutil.rmtree(run / "chat")
    train(run_config, run, only="chat")
    assert (run / "chat/checkpoint/run.json").is_file()
    shutil.rmtree(run / "chat")
    shutil.rmtree(run / "base")
    with pytest.raises(TrainingError, match="starts from base, which has no checkpoint"):
        train(run_config, run, only="chat")
    with pytest.raises(TrainingError, match="no stage 'chta'; its stages are align, base, chat"):
        train(run_config, run, only="chta")


@pytest.mark.parametrize("num_processes", [1, 2])
def test_two_runs_do_not_train_in_one_directory(
    run: Path, run_config: TrainConfig, num_processes: int
) -> None:
    before = sorted(run.rglob("*"))
    runtime = replace(run_config.runtime, num_processes=num_processes)
    with (
        sole_user(run),
        pytest.raises(TrainingError, match=f"another process is training in {run}"),
    ):
        train(replace(run_config, runtime=runtime), run)
    assert sorted(run.rglob("*")) == before


def test_the_main_process_of_a_torchrun_of_the_user_takes_the_lock(
    run: Path, run_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with sole_user(run):
        monkeypatch.setenv("RANK", "1")
        with sole_run(run):  # waits for the main process, before anything is written
            pass
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(TrainingError, match=f"another process is training in {run}"):
            train(run_config, run)
    with sole_run(run), pytest.raises(BlockingIOError), sole_user(run):
        pass


@pytest.mark.parametrize("part", ["vision_tower", "chat_template", "tokenizer", "weights"])
def test_a_checkpoint_that_was_changed_is_refused(
    run: Path, run_config: TrainConfig, part: str
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
        train(run_config, run)


def test_parts_that_another_run_pretrained_bring_their_images(
    run_config: TrainConfig, tmp_path: Path
) -> None:
    assert run_config.init.vision_tower is not None
    tower = shutil.copytree(run_config.init.vision_tower, tmp_path / "tower")
    write_trained_images(tower, TrainedImages({"a" * 64: 1}, {"digest": "elsewhere"}))
    align = run_config.stages[:1]
    init = replace(run_config.init, vision_tower=tower)
    train(replace(run_config, init=init, stages=align), tmp_path / "run")
    images = read_trained_images(tmp_path / "run/align/checkpoint")
    assert len(images.phashes) > images.phashes["a" * 64] == 1
    assert images.builds["digest"] == "elsewhere"
    assert images.is_complete


def test_an_initial_checkpoint_must_have_the_configured_parts(
    finished: Path, run_config: TrainConfig, tmp_path: Path
) -> None:
    checkpoint = finished / "base/checkpoint"
    chat = replace(run_config, stages=run_config.stages[2:])
    start = replace(run_config.init, checkpoint=checkpoint, chat_template="vicuna")
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
    run_config: TrainConfig, tmp_path: Path
) -> None:
    _, base, chat = run_config.stages
    full = replace(base, trainable=("vision_tower", "connector", "language_model"))
    runtime = replace(run_config.runtime, image_cache="pixels")
    train(replace(run_config, stages=(full, chat), runtime=runtime), tmp_path)
    towers = [
        run_json(tmp_path, stage)["fingerprint"]["vision_tower"] for stage in ("base", "chat")
    ]
    assert towers[0] == towers[1]
    assert towers[0] != json.loads((tmp_path / "initial_model.json").read_bytes())["vision_tower"]
