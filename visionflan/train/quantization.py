"""Quantize the frozen weights below an adapter to 4 bits (QLoRA), by the library `bitsandbytes`.

Dettmers et al. 2023, "QLoRA: Efficient Finetuning of Quantized LLMs" (arXiv:2305.14314).
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.train.adapter import ADAPTER_MARK, BASE_MARK, decoder_layers
from visionflan.train.config import RuntimeConfig, StageConfig

if TYPE_CHECKING:
    from visionflan.train.training_model import TrainingModel

# By which `peft` recognizes a model with layers of 4 bits, as `transformers` marks one.
MARK = "is_loaded_in_4bit"


def is_quantized(stage: StageConfig) -> bool:
    """Return whether a stage trains an adapter on quantized weights."""
    return stage.adapter is not None and stage.adapter.quantization is not None


def check_quantization(stage: StageConfig, runtime: RuntimeConfig) -> None:
    """Raise TrainingError if a stage has quantized weights that cannot be trained on."""
    if stage.adapter is None:
        return
    setting = f"stages.{stage.name}.adapter"
    if stage.adapter.quantization is None:
        if stage.adapter.double_quantization:
            raise TrainingError(
                f"{setting}.double_quantization has no effect without quantization: set "
                f"{setting}.quantization=nf4 too"
            )
        return
    if stage.adapter.dora:
        raise TrainingError(
            f"stage {stage.name} has a DoRA adapter on quantized weights, which is not supported: "
            f"set {setting}.dora=false or {setting}.quantization=none"
        )
    if max(runtime.num_processes, int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        raise TrainingError(
            f"stage {stage.name} has quantized weights, which several processes cannot share: "
            f"train it with one process, or set {setting}.quantization=none"
        )


def check_quantization_library(stage: StageConfig) -> None:
    """Raise ModuleNotFoundError if the library for the quantized weights of a stage is missing."""
    if is_quantized(stage) and find_spec("bitsandbytes") is None:
        raise ModuleNotFoundError("quantized weights need bitsandbytes", name="bitsandbytes")


def quantize_decoder(
    vlm: VisionLanguageModel, stage: StageConfig, device: torch.device, dtype: torch.dtype
) -> None:
    """Move the linear layers of the language model to a device in 4 bits, if a stage wants that.

    They compute in `dtype`. The head, the vision tower and the connector stay as they are.
    """
    if not is_quantized(stage):
        return
    adapter = stage.adapter
    assert adapter is not None

    def quantize(linear: nn.Linear) -> nn.Module:
        return quantize_linear(
            linear, device, dtype, double_quantization=adapter.double_quantization
        )

    replace_layers(vlm, quantize)
    setattr(vlm.model, MARK, True)


def replace_layers(vlm: VisionLanguageModel, replace: Callable[[nn.Linear], nn.Module]) -> None:
    """Replace the linear layers of the decoder one by one, so that no two copies of it exist."""
    for name in decoder_layers(vlm):
        parent, _, last = name.rpartition(".")
        linear: Any = vlm.model.get_submodule(name)
        setattr(vlm.model.get_submodule(parent), last, replace(linear))


def quantize_linear(
    linear: nn.Linear, device: torch.device, dtype: torch.dtype, *, double_quantization: bool
) -> nn.Module:
    """Return a frozen linear layer with its weight in 4 bits on a device."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    layer: Any = Linear4bit(
        linear.in_features,
        linear.out_features,
        bias=linear.bias is not None,
        compute_dtype=dtype,
        device="meta",
    )
    # Rounded first, because it is multiplied in the dtype that it had.
    weight = Params4bit(
        linear.weight.detach().to(dtype),
        compress_statistics=double_quantization,
        quant_type="nf4",
        module=layer,
    )
    layer.weight, layer.bias = weight.to(device), linear.bias
    # On some processors the library repacks a weight where it evaluates, and then cannot train.
    layer.support_avx512bf16_for_cpu = False
    layer.register_state_dict_post_hook(remove_scales)
    return layer  # type: ignore[no-any-return]


def remove_scales(_: nn.Module, state: dict[str, Tensor], prefix: str, __: object) -> None:
    """Remove the scales of a quantized weight from a state, where frozen weights are not either.

    They follow from the weights that the stage starts from.
    """
    for name in [name for name in state if name.startswith(f"{prefix}weight.")]:
        del state[name]


def has_quantized_weights(vlm: VisionLanguageModel) -> bool:
    """Return whether the decoder of a model is quantized."""
    return getattr(vlm.model, MARK, False)


def original_weights(model: "TrainingModel", original: VisionLanguageModel) -> dict[str, Tensor]:
    """Return the trained weights of a quantized model, beside the original ones of all others.

    The names are those in the model with its adapter. `original` is the model as it was before its
    decoder was quantized.
    """
    trained = {name: weight.detach().cpu() for name, weight in model.trained_weights().items()}
    adapted = {name.partition(ADAPTER_MARK)[0] for name in trained if ADAPTER_MARK in name}
    weights = dict[str, Tensor]()
    for name, weight in original.model.state_dict().items():
        layer, _, last = name.rpartition(".")
        weights[f"{layer}{BASE_MARK}.{last}" if layer in adapted else name] = weight
    return weights | trained
