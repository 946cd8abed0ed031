"""A tiny checkpoint in the form of LLaVA's own code, written without the code that reads it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tests.helpers.tiny_tokenizers import metaspace_tokenizer

TOWER_WIDTH, WIDTH = 32, 48
ARCHITECTURES = {"llama": "LlavaLlamaForCausalLM", "mistral": "LlavaMistralForCausalLM"}

TOWER = "openai/clip-vit-large-patch14-336"  # the name that is written


class Parts(NamedTuple):
    """The parts of a LLaVA, each a module of its own."""

    tower: Any
    connector: nn.Sequential
    language_model: Any

    def logits(self, before: Tensor, pixel_values: Tensor, after: Tensor) -> Tensor:
        """Return the logits of a prompt with an image between two rows of tokens."""
        hidden = self.tower(pixel_values=pixel_values, output_hidden_states=True).hidden_states
        image = self.connector(hidden[-2][:, 1:])
        embed = self.language_model.get_input_embeddings()
        embeddings = torch.cat([embed(before), image, embed(after)], dim=1)
        logits: Tensor = self.language_model(inputs_embeds=embeddings).logits
        return logits

    def weights(self, *, with_tower: bool = True) -> dict[str, Tensor]:
        """Return all weights by their names in LLaVA's own code."""
        weights = dict(self.language_model.state_dict())
        for name, weight in self.connector.state_dict().items():
            weights[f"model.mm_projector.{name}"] = weight
        for name, weight in self.tower.state_dict().items() if with_tower else ():
            published = f"vision_model.{name.removeprefix('vision_model.')}"
            weights[f"model.vision_tower.vision_tower.{published}"] = weight
        return weights


def make_parts(tower: Path, kind: str = "llama", dtype: torch.dtype = torch.float32) -> Parts:
    """Return the tower of a directory, and a connector and a language model that are drawn."""
    from transformers import AutoConfig, AutoModelForCausalLM, CLIPVisionModel

    torch.manual_seed(7)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(metaspace_tokenizer()),
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
    )
    untyped: Any = AutoModelForCausalLM
    layers = nn.Linear(TOWER_WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
    parts = Parts(
        CLIPVisionModel.from_pretrained(tower),
        nn.Sequential(*layers),
        untyped.from_config(config),
    )
    for part in parts:
        part.to(dtype).eval().requires_grad_(False)
    return parts


def original_config(parts: Parts, **changes: object) -> dict[str, object]:
    """Return the settings as LLaVA-1.5 has them; a change to None leaves one out."""
    config = parts.language_model.config
    taken_over = (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "max_position_embeddings",
        "rms_norm_eps",
        "hidden_act",
    )
    settings: dict[str, object] = {
        **{name: getattr(config, name) for name in taken_over},
        "architectures": [ARCHITECTURES[config.model_type]],
        "model_type": f"llava_{config.model_type}",
        "rope_theta": 5000.0,
        "rope_scaling": None,
        "torch_dtype": str(parts.language_model.dtype).removeprefix("torch."),
        "transformers_version": "4.31.0",
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "image_aspect_ratio": "pad",
        "mm_projector_type": "mlp2x_gelu",
        "mm_hidden_size": TOWER_WIDTH,
        "mm_use_im_start_end": False,
        "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        "tokenizer_padding_side": "right",
        "tune_mm_mlp_adapter": False,
        "use_mm_proj": True,
        **changes,
    }
    return {name: value for name, value in settings.items() if value is not None}


def write_settings(directory: Path, parts: Parts, **changes: object) -> Path:
    """Write the configuration and the tokenizer."""
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(json.dumps(original_config(parts, **changes)))
    tokenizer = metaspace_tokenizer()
    tokenizer.pad_token = "<unk>"
    tokenizer.save_pretrained(directory)
    return directory


def write_bin_shards(directory: Path, weights: Mapping[str, Tensor], count: int = 3) -> None:
    """Write weights to shards of PyTorch with an index."""
    names = sorted(weights)
    weight_map = {}
    for index in range(count):
        file = f"pytorch_model-{index + 1:05}-of-{count:05}.bin"
        shard = {name: weights[name].clone() for name in names[index::count]}
        torch.save(shard, directory / file)
        weight_map.update(dict.fromkeys(shard, file))
    index_file = directory / "pytorch_model.bin.index.json"
    index_file.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def write_safetensors(directory: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights to one safetensors file."""
    from safetensors.torch import save_file

    save_file(
        {name: weight.contiguous() for name, weight in weights.items()},
        directory / "model.safetensors",
        {"format": "pt"},
    )
