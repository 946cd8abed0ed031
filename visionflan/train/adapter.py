"""Adapters of the language model (LoRA), by the library `peft`: add, merge and write them.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685).
"""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from visionflan.atomic_write import write_json
from visionflan.catalog import unknown_name_error
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.pretrained import fork_rng
from visionflan.train.config import StageConfig

# The name of the one adapter, as `peft` calls it where none is given; it is not in its files.
ADAPTER = "default"
WEIGHTS, BASE = "adapter_model.safetensors", "base_model.json"
# What the names of an adapter's weights have, and what the names of the layers below it end in.
ADAPTER_MARK, BASE_MARK = ".lora_", ".base_layer"


def check_adapter(stage: StageConfig) -> None:
    """Raise ModuleNotFoundError if a stage has an adapter and the library for it is missing."""
    if stage.adapter is not None and find_spec("peft") is None:
        raise ModuleNotFoundError("an adapter needs peft", name="peft")


def add_adapter(vlm: VisionLanguageModel, stage: StageConfig, seed: int) -> None:
    """Add the adapter of a stage to the language model; its product is zero at first."""
    from peft import LoraConfig, inject_adapter_in_model

    assert stage.adapter is not None
    modules = target_modules(vlm, stage)
    check_rank(vlm, stage, modules)
    config = LoraConfig(
        r=stage.adapter.rank,
        # The library takes whole numbers, but works with any.
        lora_alpha=stage.adapter.alpha,  # type: ignore[arg-type]
        lora_dropout=stage.adapter.dropout,
        use_rslora=stage.adapter.rslora,
        use_dora=stage.adapter.dora,
        target_modules=one_pattern(modules),
    )
    is_fake = isinstance(next(vlm.model.parameters()), FakeTensor)
    with fork_rng(seed), torch.device("meta") if is_fake else nullcontext():
        inject_adapter_in_model(config, vlm.model, ADAPTER)
    if is_fake:
        leave_meta(vlm.model)


def leave_meta(model: nn.Module) -> None:
    """Make the weights of an adapter anew on the device of its model, both without content.

    `peft` would move them to where the model is, which weights without content do not allow.
    """
    device = next(model.parameters()).device
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.device != device:
                moved = nn.Parameter(torch.empty_like(weight, device=device))
                module.register_parameter(name, moved)


def target_modules(vlm: VisionLanguageModel, stage: StageConfig) -> list[str]:
    """Return the names of the linear layers of the language model that a stage's adapter is for.

    Raises UnknownNameError for a name in `target_modules` that no such layer has.
    """
    assert stage.adapter is not None
    layers = {name: name.rpartition(".")[2] for name in decoder_layers(vlm)}
    for target in stage.adapter.target_modules:
        if target not in layers.values():
            known = sorted(set(layers.values()))
            error = unknown_name_error(
                "linear layer", target, known, f"there is {', '.join(known)}"
            )
            raise UnknownNameError(f"stages.{stage.name}.adapter.target_modules: {error}")
    chosen = stage.adapter.target_modules or set(layers.values())
    return [name for name, last in layers.items() if last in chosen]


def full_ranks(vlm: VisionLanguageModel, modules: list[str]) -> dict[str, int]:
    """Return the rank of a change that changes all of a layer, by the last part of its name."""
    ranks = dict[str, int]()
    for name in modules:
        linear: Any = vlm.model.get_submodule(name)
        last, rank = name.rpartition(".")[2], min(linear.in_features, linear.out_features)
        ranks[last] = max(rank, ranks.get(last, 0))
    return ranks


def check_rank(vlm: VisionLanguageModel, stage: StageConfig, modules: list[str]) -> None:
    """Raise TrainingError if no layer can use the rank of a stage's adapter."""
    assert stage.adapter is not None
    highest = max(full_ranks(vlm, modules).values())
    if stage.adapter.rank > highest:
        raise TrainingError(
            f"`stages.{stage.name}.adapter.rank` is {stage.adapter.rank}, but the smaller "
            f"dimension of the layers that it adapts is at most {highest}: set it to less, or "
            "train all weights with adapter=none"
        )


def narrow_layers(vlm: VisionLanguageModel, stage: StageConfig) -> dict[str, int]:
    """Return the layers that cannot use all of the rank of a stage's adapter, with their own."""
    if stage.adapter is None:
        return {}
    ranks = full_ranks(vlm, target_modules(vlm, stage))
    return {name: rank for name, rank in ranks.items() if rank < stage.adapter.rank}


def decoder_layers(vlm: VisionLanguageModel) -> list[str]:
    """Return the names of the linear layers of the language model, without its head."""
    return [
        name
        for name, module in vlm.model.named_modules()
        if isinstance(module, nn.Linear) and is_below_language_model(vlm, name)
    ]


def is_below_language_model(vlm: VisionLanguageModel, name: str) -> bool:
    """Return whether a module is part of the decoder, without its head."""
    is_inside = name.startswith(f"{vlm.part_names.language_model[0]}.")
    return is_inside and vlm.part_of(f"{name}.weight") == "language_model"


def one_pattern(modules: list[str]) -> str:
    """Return a regular expression for modules, with any number where their names have one."""
    forms = sorted({re.sub(r"(?<=\\\.)\d+(?=\\\.)", r"\\d+", re.escape(name)) for name in modules})
    return "|".join(forms)


def is_adapter_weight(name: str) -> bool:
    """Return whether a weight belongs to an adapter, by its name."""
    return ADAPTER_MARK in name


def has_adapter(vlm: VisionLanguageModel) -> bool:
    """Return whether a model has an adapter that is not merged."""
    return any(is_adapter_weight(name) for name, _ in vlm.model.named_parameters())


def adapted_layers(weights: dict[str, Tensor]) -> Iterator[str]:
    """Yield the names of the layers with an adapter."""
    for name in weights:
        if name.endswith(f"{BASE_MARK}.weight"):
            yield name.removesuffix(f"{BASE_MARK}.weight")


def merge_adapter(vlm: VisionLanguageModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights by the names of a model without an adapter, which is merged in float32.

    `weights` has the weights of all processes, by their names in the model with its adapter; it is
    emptied, so that memory holds no layer twice.
    """
    merged = dict[str, Tensor]()
    for layer in list(adapted_layers(weights)):
        names = [name for name in weights if name.startswith(f"{layer}.")]
        own = {name.removeprefix(f"{layer}."): weights.pop(name) for name in names}
        if "base_layer.bias" in own:
            merged[f"{layer}.bias"] = own["base_layer.bias"]
        merged[f"{layer}.weight"] = merge_layer(vlm, own)
    merged |= weights
    weights.clear()
    return merged


def merge_layer(vlm: VisionLanguageModel, weights: dict[str, Tensor]) -> Tensor:
    """Return the merged weight of one layer, by the library's own computation."""
    from dataclasses import replace

    from peft import inject_adapter_in_model

    size_out, size_in = weights["base_layer.weight"].shape
    config = replace(peft_config(vlm), target_modules={"0"}, modules_to_save=None)
    with torch.device("meta"):
        linear = nn.Linear(size_in, size_out, bias="base_layer.bias" in weights)
        layer: Any = inject_adapter_in_model(config, nn.Sequential(linear), ADAPTER)
    copies = {f"0.{name}": weight.to(torch.float32, copy=True) for name, weight in weights.items()}
    layer.load_state_dict(copies, assign=True)
    layer[0].merge()
    merged: Tensor = layer[0].get_base_layer().weight.detach()
    return merged


def peft_config(vlm: VisionLanguageModel) -> Any:
    """Return the configuration of a model's adapter."""
    model: Any = vlm.model
    return model.peft_config[ADAPTER]


def write_adapter(
    directory: Path, vlm: VisionLanguageModel, weights: dict[str, Tensor], base: dict[str, str]
) -> None:
    """Write an adapter in the form of `peft`, with the connector if that was trained too.

    `base` has the path and digest of the weights that the adapter is for.
    """
    from dataclasses import replace

    from safetensors.torch import save_file

    directory.mkdir()
    connector = connector_weights(vlm, weights)
    own = {name: weight for name, weight in weights.items() if is_adapter_weight(name)}
    named = {
        f"base_model.model.{name.replace(f'.{ADAPTER}', '')}": weight.to(torch.float32).contiguous()
        for name, weight in (own | connector).items()
    }
    save_file(named, directory / WEIGHTS, metadata={"format": "pt"})
    config = replace(
        peft_config(vlm),
        base_model_name_or_path=base["path"],
        modules_to_save=connector_modules(vlm) if connector else None,
        inference_mode=True,
    )
    config.save_pretrained(directory)
    write_json(directory / BASE, base)


def connector_modules(vlm: VisionLanguageModel) -> list[str]:
    """Return the modules of the connector; of a list of modules, which `peft` refuses, each."""
    modules, names = dict(vlm.model.named_modules()), list[str]()
    for name in vlm.part_names.connector:
        if isinstance(module := modules.get(name), nn.ModuleList):
            names += [f"{name}.{index}" for index in range(len(module))]
        elif module is not None:
            names.append(name)
    return names


def connector_weights(vlm: VisionLanguageModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the connector if any of them is trained."""
    if not any(weight.requires_grad for weight in vlm.part_weights("connector").values()):
        return {}
    return {name: weights[name] for name in vlm.part_weights("connector")}
