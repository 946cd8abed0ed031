"""Put a model on its device: all of it on one, or a shard on each of several by FSDP2.

Several processes get their shards from the main process, which alone has read the weights, one
tensor after the other. So a machine holds one copy of the model at most, and a GPU never more than
its shard and the tensor that is being sent.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from visionflan.errors import TrainingError
from visionflan.train.distributed import DistributedContext

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from visionflan.train.training_model import TrainingModel


def place_model(
    model: "TrainingModel",
    distributed: DistributedContext,
    *,
    compute_dtype: torch.dtype,
    frozen_dtype: torch.dtype,
    shard_size: int = 0,
) -> None:
    """Move the model to its device, sharded with FSDP2 if there are several processes.

    Weights that are not trained are stored in `frozen_dtype`. `shard_size` is the number of
    processes that share one copy of the model, 0 for all of them.
    """
    if distributed.world_size == 1:
        cast_frozen_weights(model, frozen_dtype)
        model.to(distributed.device)
        return
    mesh = make_mesh(distributed, shard_size)
    weights = move_to_meta(model) if distributed.is_main_process else None
    cast_frozen_weights(model, frozen_dtype)
    is_mixed = compute_dtype != torch.float32
    shard_layers(model, mesh, compute_dtype if is_mixed else None)
    model.to_empty(device=distributed.device)
    tie_weights(model)
    check_same_weights(model, distributed)
    scatter_weights(model, weights, distributed.device)
    require_input_gradients(model)


def cast_frozen_weights(model: nn.Module, dtype: torch.dtype) -> None:
    """Store the weights that are not trained in a dtype."""
    for weight in model.parameters():
        if not weight.requires_grad and weight.is_floating_point():
            weight.data = weight.data.to(dtype)


def make_mesh(distributed: DistributedContext, shard_size: int) -> "DeviceMesh":
    """Return the mesh of all processes; with `shard_size`, groups that each hold one copy.

    Raises TrainingError if the processes do not divide into such groups.
    """
    from torch.distributed.device_mesh import init_device_mesh

    world_size, device_type = distributed.world_size, distributed.device.type
    if not shard_size or shard_size == world_size:
        return init_device_mesh(device_type, (world_size,))
    if world_size % shard_size:
        raise TrainingError(
            f"runtime.shard_size is {shard_size}, which does not divide the {world_size} processes "
            "of this run: set it to a number that does, such as the GPUs of one machine"
        )
    shape = (world_size // shard_size, shard_size)
    return init_device_mesh(device_type, shape, mesh_dim_names=("replicate", "shard"))


def shard_layers(model: "TrainingModel", mesh: "DeviceMesh", dtype: torch.dtype | None) -> None:
    """Shard each layer of the language model, then the rest; compute in a dtype if one is given.

    The vision tower is never wrapped on its own: wrapping renames its class, and `transformers`
    then no longer finds the hidden states from which the image features are taken.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for layer in getattr(model.vlm.language_model, "layers", ()):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def require_input_gradients(model: "TrainingModel") -> None:
    """Make the inputs of the first layer require gradients, where embeddings are frozen.

    FSDP reduces the gradients of a layer when those of its inputs are there, and otherwise after
    all others. A process whose batch has no images would do so in another order than the others.
    """
    embeddings: Any = model.vlm.model.get_input_embeddings()
    if any(weight.requires_grad for weight in embeddings.parameters()):
        return

    def add_zero(_: nn.Module, __: object, output: Tensor) -> Tensor:
        return output + torch.zeros((), device=output.device, requires_grad=True)

    embeddings.register_forward_hook(add_zero)


def move_to_meta(model: "TrainingModel") -> dict[str, Tensor]:
    """Move a model to the meta device; return its weights and buffers by name."""
    tensors = {name: weight.detach() for name, weight in model.named_parameters()}
    tensors |= dict(model.named_buffers())
    model.to("meta")
    tie_weights(model)
    return tensors


def tie_weights(model: "TrainingModel") -> None:
    """Tie the weights again that a move between devices has separated."""
    tied: Any = model.vlm.model
    tied.tie_weights()


def scatter_weights(
    model: "TrainingModel", tensors: dict[str, Tensor] | None, device: torch.device
) -> None:
    """Fill the shards of all processes with the tensors of the main process, which lets them go."""
    for name, weight in model.named_parameters():
        source = None if tensors is None else tensors.pop(name)
        fill_shard(weight, source, device)
    for name, buffer in model.named_buffers():
        if tensors is not None:
            buffer.copy_(tensors.pop(name))
        dist.broadcast(buffer, src=0)


@torch.no_grad()
def fill_shard(weight: Any, source: Tensor | None, device: torch.device) -> None:
    """Fill the shard of a weight in each process with its part of the main process's tensor."""
    from torch.distributed.tensor import distribute_tensor

    if source is None:
        tensor = torch.empty(weight.shape, dtype=weight.dtype, device=device)
    else:
        tensor = source.to(device, weight.dtype)
    shards = distribute_tensor(tensor, weight.device_mesh, weight.placements)
    weight.to_local().copy_(shards.to_local())


def check_same_weights(model: nn.Module, distributed: DistributedContext) -> None:
    """Raise TrainingError if a process has weights or buffers of other names or shapes."""
    shapes = [
        (name, tuple(tensor.shape))
        for tensors_of in (model.named_parameters, model.named_buffers)
        for name, tensor in tensors_of()
    ]
    expected = distributed.from_main_process(shapes)
    if shapes != expected:
        other = next((b for a, b in zip(shapes, expected, strict=False) if a != b), shapes[-1])
        raise TrainingError(
            f"the weight {other[0]} is not the same in all processes: use the same version of "
            "visionflan and transformers on all machines"
        )
