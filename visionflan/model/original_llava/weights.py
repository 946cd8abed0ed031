"""Read the weight files of a checkpoint in the form of LLaVA's own code.

They are safetensors files or pickles of PyTorch, one file or shards with an index; the first stage
of LLaVA writes the connector alone to `mm_projector.bin` (`llava/train/llava_trainer.py`).
"""

import json
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, NamedTuple

from visionflan.errors import TrainingError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# In the order in which `transformers` looks for them.
NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
CONNECTOR_FILE = "mm_projector.bin"
# Buffers that older versions of `transformers` saved, and current ones compute.
COMPUTED = (".inv_freq", ".position_ids")


class OriginalWeights(NamedTuple):
    """The weights of a checkpoint by their names in its files."""

    tensors: "dict[str, Tensor]"
    files: list[Path]

    @property
    def dtype(self) -> "torch.dtype":
        """The type in which all weights keep their values."""
        import torch

        return reduce(torch.promote_types, (tensor.dtype for tensor in self.tensors.values()))

    def part(self, prefix: str) -> "dict[str, Tensor]":
        """Return the weights whose names begin with a prefix, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def read_weights(source: Path, connector_prefix: str) -> OriginalWeights:
    """Return all weights; those of the connector may be in a file of their own."""
    files = weight_files(source)
    tensors: dict[str, Tensor] = {}
    for path in files:
        tensors |= read_tensors(path)
    own_file = source / CONNECTOR_FILE
    if own_file.is_file() and not any(name.startswith(connector_prefix) for name in tensors):
        files.append(own_file)
        module = connector_prefix.rpartition("model.")[2]
        for name, tensor in read_tensors(own_file).items():
            if module in name:
                tensors[connector_prefix + name.rpartition(module)[2]] = tensor
    tensors = {name: tensors[name] for name in tensors if not name.endswith(COMPUTED)}
    return OriginalWeights(tensors, files)


def weight_files(source: Path) -> list[Path]:
    """Return the weight files of a checkpoint. Raises TrainingError if one is missing."""
    present = [name for name in NAMES if (source / name).is_file()]
    if not present:
        alone = (source / CONNECTOR_FILE).is_file()
        only = f"only those of the connector ({CONNECTOR_FILE})" if alone else "none"
        raise TrainingError(
            f"{source} must have the weights of the whole model, as {NAMES[0]}, {NAMES[2]} or "
            f"shards with an index, and has {only}"
        )
    if not present[0].endswith(".index.json"):
        return [source / present[0]]
    index = source / present[0]
    files = [source / name for name in shard_names(index)]
    for path in files:
        if not path.is_file():
            raise TrainingError(f"{path} is missing, which {index.name} lists: copy it there")
    return files


def shard_names(index: Path) -> list[str]:
    """Return the names of the shards that an index lists."""
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise TrainingError(f"{index} is damaged ({error!r}): copy it again") from error
    if outside := [name for name in names if Path(name).name != name]:
        raise TrainingError(f"{index} lists {outside[0]!r}, which is no file beside it")
    return names


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """Return the tensors of one file; code in a pickle is refused, and not run."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        content: object = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except UnpicklingError as error:
        raise TrainingError(
            f"{path} has more than weights, and code in a file is never run here: save the "
            "checkpoint again as safetensors, where you trust it"
        ) from error
    except (OSError, RuntimeError, EOFError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): copy it again") from error
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise TrainingError(f"{path} does not have weights by name: copy the right file")
    return content


def check_weights(
    source: Path, actual: "Mapping[str, Tensor]", expected: "Mapping[str, Tensor]", prefix: str = ""
) -> None:
    """Raise TrainingError unless a part has exactly the weights that its settings ask for."""
    for name, weight in expected.items():
        if name not in actual:
            raise TrainingError(f"{source} lacks the weight {prefix}{name}: copy its files again")
        if actual[name].shape != weight.shape:
            raise TrainingError(
                f"the weight {prefix}{name} of {source} has the shape {tuple(actual[name].shape)}, "
                f"and by the settings it must be {tuple(weight.shape)}"
            )
    if unknown := sorted(actual.keys() - expected.keys()):
        raise TrainingError(
            f"{source} cannot be imported: it has the weight {prefix}{unknown[0]}, which "
            "LLaVA-1.5 does not have"
        )
