"""A run directory: its files, what a run refuses, and that `transformers` opens its checkpoints."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import png, run_json, save_language_model
from visionflan.errors import TrainingError
from visionflan.image_files import decode_image
from visionflan.model.fingerprint import weights_digest
from visionflan.model.generate import Checkpoint, generate_answers
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn
from visionflan.storage.trained_images import (
    read_trained_images,
)
from visionflan.train.config import DataConfig, RuntimeConfig, TrainConfig
from visionflan.train.config_io import from_json
from visionflan.train.run import train

RED = png((220, 20, 20), (40, 40))
QUESTION = "<image>\nwhat color ?"


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
    finished: Path, run_config: TrainConfig
) -> None:
    assert run_config.build is not None
    build = BuildDirectory(run_config.build)
    for_training = {image for ids in build.instances("train").column("images") for image in ids}
    align, base, chat = (
        read_trained_images(finished / stage / "checkpoint") for stage in ("align", "base", "chat")
    )
    assert align.phashes
    assert align.phashes.keys() <= base.phashes.keys() <= chat.phashes.keys() <= for_training
    assert build.digest in base.builds
    assert chat.is_complete


def test_a_checkpoint_records_its_configuration_data_and_origin(
    finished: Path, run_config: TrainConfig
) -> None:
    assert run_config.build is not None
    digest = BuildDirectory(run_config.build).digest
    assert from_json(TrainConfig, json.loads((finished / "config.json").read_bytes())) == run_config
    for stage, before in (("base", "align"), ("chat", "base")):
        run = run_json(finished, stage)
        assert from_json(TrainConfig, run["config"]) == run_config
        assert (
            run["initialized_from"]["weights_sha256"]
            == run_json(finished, before)["weights_sha256"]
        )
        assert run["weights_sha256"] == weights_digest(finished / stage / "checkpoint")
        assert run["data"]["digest"] == digest
        assert run["seed"] == run_config.seed
        assert run["num_threads"] >= 1
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
    run: Path, run_config: TrainConfig
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    lines: list[str] = []
    train(
        replace(run_config, runtime=RuntimeConfig(num_threads=2, device="cpu")),
        run,
        log=lines.append,
    )
    assert all("already done" in line for line in lines)
    assert len(lines) == 3
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before


def test_settings_of_started_stages_are_fixed_and_others_may_change(
    run: Path, run_config: TrainConfig
) -> None:
    align, base, chat = run_config.stages
    for other, name in (
        (replace(run_config, seed=1), "seed"),
        (replace(run_config, init=replace(run_config.init, chat_template="plain")), "init"),
        (replace(run_config, stages=(align, replace(base, steps=4), chat)), "stages.base.steps"),
        (replace(run_config, stages=(align, chat)), r"`base` is missing"),
    ):
        with pytest.raises(TrainingError, match=f"started with a different .*{name}"):
            train(other, run)
    shutil.rmtree(run / "chat")
    stored = json.loads((run / "config.json").read_bytes())
    del stored["stages"][1]["optimizer"], stored["init"]["adapter"]  # as before there were any
    (run / "config.json").write_text(json.dumps(stored))
    other = replace(run_config, stages=(align, base, replace(chat, learning_rate=5e-4)))
    train(other, run)
    assert run_json(run, "chat")["config"]["stages"][2]["learning_rate"] == 5e-4


def test_features_are_kept_where_the_runtime_says(run_config: TrainConfig, tmp_path: Path) -> None:
    runtime = replace(run_config.runtime, feature_cache_dir=tmp_path / "shared")
    train(replace(run_config, stages=run_config.stages[:1], runtime=runtime), tmp_path / "run")
    assert len(list((tmp_path / "shared").glob("*.npy"))) == 1
    assert not (tmp_path / "run" / "features").exists()


def test_rows_longer_than_the_language_models_positions_are_refused(
    run_config: TrainConfig, tmp_path: Path
) -> None:
    language_model = save_language_model(tmp_path / "language_model", positions=80)
    start = replace(run_config.init, language_model=language_model)
    with pytest.raises(TrainingError, match=r"has 80 positions: set stages\.base\.max_seq_len"):
        train(replace(run_config, init=start, stages=run_config.stages[1:2]), tmp_path / "run")
    shorter = replace(
        run_config.stages[1], max_seq_len=80, data=DataConfig(max_dropped_fraction=0.5)
    )
    train(replace(run_config, init=start, stages=(shorter,)), tmp_path / "run")


def test_a_bfloat16_checkpoint_is_saved_if_configured_and_trained_further(
    run_config: TrainConfig, tmp_path: Path
) -> None:
    half = replace(run_config, checkpoint_dtype="bfloat16", stages=run_config.stages[:2])
    checkpoint = train(half, tmp_path)
    dtypes = {weight.dtype for weight in load_file(checkpoint / "model.safetensors").values()}
    assert dtypes == {torch.bfloat16}
    assert Checkpoint.load(checkpoint, "cpu").vlm.model.dtype == torch.float32


def test_the_embeddings_of_a_tied_head_stay_tied(run_config: TrainConfig, tmp_path: Path) -> None:
    language_model = save_language_model(tmp_path / "qwen2", "qwen2")
    start = replace(run_config.init, language_model=language_model)
    checkpoint = train(
        replace(run_config, init=start, stages=run_config.stages[1:2]), tmp_path / "run"
    )
    model: Any = Checkpoint.load(checkpoint, "cpu").vlm.model
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert "lm_head.weight" not in load_file(checkpoint / "model.safetensors")


def test_a_cache_without_room_is_refused_by_its_size(
    run_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cached(kind: Any) -> TrainConfig:
        runtime = replace(run_config.runtime, image_cache=kind)
        return replace(run_config, runtime=runtime, stages=run_config.stages[:1])

    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(TrainingError, match=r"the features of \d+ images take .*/features has"):
        train(cached("features"), tmp_path / "features")
    monkeypatch.setattr("os.sysconf", lambda _: 1)
    with pytest.raises(TrainingError, match=r"the pixels of \d+ images take .* machine has"):
        train(cached("pixels"), tmp_path / "pixels")
    monkeypatch.undo()
    train(cached("features"), tmp_path / "features")


def test_a_stage_with_a_template_of_its_own_saves_that_of_the_run(
    finished: Path, run_config: TrainConfig, tmp_path: Path
) -> None:
    align = replace(run_config.stages[0], chat_template="caption")
    trained = train(replace(run_config, stages=(align, run_config.stages[1])), tmp_path)
    before, now = (run_json(run, "align") for run in (finished, tmp_path))
    assert now["fingerprint"] == before["fingerprint"]
    assert now["weights_sha256"] != before["weights_sha256"]
    assert now["target_tokens_seen"] != before["target_tokens_seen"]
    template = (trained / "chat_template.jinja").read_text()
    assert template == (finished / "base/checkpoint/chat_template.jinja").read_text()
    wrong = replace(align, chat_template="captions")
    with pytest.raises(TrainingError, match="'captions' is neither a file nor one of vicuna"):
        train(replace(run_config, stages=(wrong,)), tmp_path / "wrong")
