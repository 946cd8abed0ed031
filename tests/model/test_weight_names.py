"""Checkpoints have the weight names and files that other programs read."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import LlavaForConditionalGeneration

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.model.families.llava import Llava
from visionflan.model.tower_names import TOWER_MODULE, TOWERS_WITH_MODULE, published_name
from visionflan.train.checkpoint import write_model
from visionflan.train.training_model import TrainingModel

GOLDEN = Path(__file__).parents[1] / "golden/weight_names.json"
KINDS = [("clip", "llama"), ("siglip", "qwen2")]


def save(directory: Path, tower: str, language_model: str) -> Llava:
    vlm = Llava.build(
        save_tower(directory / "tower", tower),
        save_language_model(directory / "language_model", language_model),
        chat_template="vicuna",
    )
    write(directory / "checkpoint", vlm)
    return vlm


def write(checkpoint: Path, vlm: Llava) -> None:
    write_model(checkpoint, vlm, TrainingModel(vlm, ()).state_dict(), "float32")


def load(checkpoint: Path) -> tuple[Mapping[str, Tensor], dict[str, Any]]:
    untyped: Any = LlavaForConditionalGeneration
    model, info = untyped.from_pretrained(checkpoint, output_loading_info=True)
    return model.state_dict(), info


@pytest.mark.parametrize(("tower", "language_model"), KINDS)
def test_names_are_those_of_published_checkpoints(
    tmp_path: Path, tower: str, language_model: str
) -> None:
    vlm = save(tmp_path, tower, language_model)
    saved = load_file(tmp_path / "checkpoint/model.safetensors")
    assert sorted(saved) == json.loads(GOLDEN.read_text())[f"{tower} and {language_model}"]
    weights, info = load(tmp_path / "checkpoint")
    assert not any(info.values())
    expected = vlm.model.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_no_path_of_this_machine_is_saved(tmp_path: Path) -> None:
    save(tmp_path, "clip", "llama")
    Llava.load(tmp_path / "checkpoint").processor.save_pretrained(tmp_path / "again")
    for file in (tmp_path / "checkpoint").glob("*.json"):
        assert str(tmp_path) not in file.read_text(), file.name


def test_the_tokenizer_has_no_setting_that_version_4_reads_otherwise(tmp_path: Path) -> None:
    vlm = save(tmp_path, "clip", "llama")
    vlm.processor.tokenizer.add_special_tokens({"extra_special_tokens": ["<image>"]})
    write(tmp_path / "extra", vlm)
    config = json.loads((tmp_path / "extra/tokenizer_config.json").read_bytes())
    assert "extra_special_tokens" not in config
    assert config["additional_special_tokens"] == ["<image>"]
    loaded = Llava.load_processor(tmp_path / "extra").tokenizer
    assert loaded.extra_special_tokens == ["<image>"]


def test_our_list_of_towers_with_a_module_is_that_of_transformers() -> None:
    library: Any = import_module("transformers.conversion_mapping")
    models: Any = import_module("transformers.models.auto.modeling_auto")
    patterns = library._MODEL_TO_CONVERSION_PATTERN
    same = {name for name, source in patterns.items() if source == "CLIPVisionModel"}
    classes = {name for name in same | {"CLIPVisionModel"} if name.endswith("Model")}
    types = {
        kind for kind, model_class in models.MODEL_MAPPING_NAMES.items() if model_class in classes
    }
    assert {"clip_vision_model", "siglip2_vision_model"} <= types <= TOWERS_WITH_MODULE


@pytest.mark.parametrize("kind", sorted(TOWERS_WITH_MODULE))
def test_a_module_that_is_there_already_is_not_doubled(kind: str) -> None:
    tower, rest = "vision_tower.", "encoder.weight"
    for name in (rest, TOWER_MODULE + rest):
        assert published_name(f"model.{tower}{name}", kind) == tower + TOWER_MODULE + rest
    assert published_name(f"model.{tower}{rest}", "vit") == tower + rest
