"""Optimizers whose states take less memory, made by the library `torchao`.

Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization" (arXiv:2110.02861).
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from visionflan.errors import TrainingError
from visionflan.model.generate import resolve_device
from visionflan.train.config import RuntimeConfig, StageConfig
from visionflan.train.precision import compute_dtype

if TYPE_CHECKING:
    from visionflan.train.training_model import TrainingModel

# In bfloat16 an average that follows its values more slowly than this cannot change at all: it has
# 8 bits of precision, and (1 - beta) of a difference is rounded away.
MAX_BFLOAT16_BETA = 0.99
# Bytes of a trained weight in a state to resume from: itself and both averages; averages of 8 bits
# have a scale for each block of 256.
STATE_BYTES = {"adamw": 12.0, "adamw_8bit": 4 + 2 * (1 + 4 / 256), "adamw_bf16": 6.0}


def check_optimizer(
    stage: StageConfig, runtime: RuntimeConfig, device: torch.device | None = None
) -> None:
    """Raise if a stage has an optimizer whose library is missing, or that cannot work.

    It works on `device`, by default that of the settings on this machine.
    """
    if stage.optimizer == "adamw":
        return
    if find_spec("torchao") is None:
        raise ModuleNotFoundError(f"{stage.optimizer} needs torchao", name="torchao")
    if stage.optimizer == "adamw_bf16":
        check_bfloat16(stage, runtime, device or resolve_device(runtime.device))


def check_bfloat16(stage: StageConfig, runtime: RuntimeConfig, device: torch.device) -> None:
    """Raise TrainingError if a stage cannot be trained with weights in bfloat16 on a device."""
    if compute_dtype(runtime, device) != torch.bfloat16:
        raise TrainingError(
            f"stage {stage.name} has weights in bfloat16 (adamw_bf16), but computes in float32: "
            "set runtime.precision=bfloat16, or another optimizer"
        )
    if runtime.shard_size:
        raise TrainingError(
            f"the weights of stage {stage.name} are rounded at random (adamw_bf16), so that the "
            "copies of runtime.shard_size would differ: set that to 0, or another optimizer"
        )
    if max(stage.betas) > MAX_BFLOAT16_BETA:
        raise TrainingError(
            f"stage {stage.name}: in bfloat16 an average with the factor {max(stage.betas)} is too "
            f"slow to change at all: set stages.{stage.name}.betas=0.9,0.95, or another optimizer"
        )


def low_memory_optimizer(groups: list[dict[str, Any]], stage: StageConfig) -> torch.optim.Optimizer:
    """Return the optimizer of torchao that a stage names."""
    from torchao import optim

    allow_staging()
    classes: dict[str, Any] = {"adamw_8bit": optim.AdamW8bit, "adamw_bf16": optim._AdamW}
    with _disable_current_modes():
        # Tables that torchao keeps have content, where a plan has none.
        for is_signed in (True, False):
            optim.AdamW8bit._subclass_zeros(torch.zeros(256), is_signed, 256)
    optimizer: torch.optim.Optimizer = classes[stage.optimizer](
        groups, lr=stage.learning_rate, betas=stage.betas, bf16_stochastic_round=True
    )
    if groups[0]["params"][0].device.type == "cpu":
        step_eagerly(optimizer)
    return optimizer


def allow_staging() -> None:
    """Enable PyTorch to copy states of 8 bits to memory, before a thread writes them.

    It asks a tensor for an empty one, and sets the attributes of that to copies of the tensor's
    own. torchao (0.18) has no such operation, unlike those of a write that is waited for.
    """
    from torchao.optim.subclass_8bit import OptimState8bit

    @OptimState8bit.implements(torch.ops.aten.new_empty.default)  # type: ignore[untyped-decorator]
    def new_empty(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        state, device = args[0], (kwargs or {}).get("device")
        tensors = (torch.empty_like(t, device=device) for t in (state.codes, state.scale))
        return OptimState8bit(*tensors, state.qmap.to(device), state.signed, state.dtype)


def step_eagerly(optimizer: torch.optim.Optimizer) -> None:
    """Keep an optimizer from compiling its step, for which a CPU needs a compiler of C++."""
    compiled_step = optimizer.step

    def step(closure: Any = None) -> Any:
        with torch.compiler.set_stance("force_eager"):
            return compiled_step(closure)

    optimizer.step = step  # type: ignore[method-assign]


def round_trained_weights(model: "TrainingModel", stage: StageConfig) -> None:
    """Store the trained weights in bfloat16 if the stage's optimizer is for those."""
    if stage.optimizer == "adamw_bf16":
        for weight in model.trained_weights().values():
            weight.data = weight.data.to(torch.bfloat16)
