"""Read and write the safetensors files of a model, a tensor at a time."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_SHARD_BYTES = 5_000_000_000


class WeightFiles:
    """The weights of a directory, in one file or in shards; a tensor is mapped when it is read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: dict[str, Any] = {}  # the open file of each name
        for path in weight_files(directory):
            file = open_weights(path)
            self.files.update(dict.fromkeys(file.keys(), file))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return tuple(self.files[name].get_slice(name).get_shape())

    def tensor(self, name: str) -> "Tensor":
        """Return a tensor."""
        tensor: Tensor = self.files[name].get_tensor(name)
        return tensor


def weight_files(directory: Path) -> list[Path]:
    """Return the files that `transformers` would read: the single one first, else the shards."""
    if (directory / SINGLE_FILE).is_file():
        return [directory / SINGLE_FILE]
    if not (directory / INDEX).is_file():
        raise TrainingError(
            f"{directory} has no {SINGLE_FILE} and no {INDEX}: save the model again with "
            "`save_pretrained`"
        )
    weight_map = json.loads((directory / INDEX).read_bytes())["weight_map"]
    return [directory / name for name in sorted(set(weight_map.values()))]


def open_weights(path: Path) -> Any:
    """Open a safetensors file. Raises TrainingError if it is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read: {error}; copy it again") from error


def write_weight_files(directory: Path, weights: "Iterable[tuple[str, Tensor]]") -> None:
    """Write tensors to one file, or to shards with an index where they exceed one shard."""
    shards: list[list[str]] = []
    shard: dict[str, Tensor] = {}
    num_bytes = total_bytes = 0
    for name, tensor in weights:
        if shard and num_bytes + tensor.nbytes > MAX_SHARD_BYTES:
            shards.append(write_shard(directory, len(shards), shard))
            num_bytes = 0
        shard[name] = tensor.contiguous()
        num_bytes += tensor.nbytes
        total_bytes += tensor.nbytes
    shards.append(write_shard(directory, len(shards), shard))
    rename_shards(directory, shards, total_bytes)


def write_shard(directory: Path, index: int, tensors: "dict[str, Tensor]") -> list[str]:
    """Write a shard, empty the dictionary of its tensors, and return their names."""
    from safetensors.torch import save_file

    names = list(tensors)
    save_file(tensors, directory / str(index), {"format": "pt"})
    tensors.clear()
    return names


def rename_shards(directory: Path, shards: list[list[str]], total_bytes: int) -> None:
    """Rename shards to the names that contain their number, and write the index."""
    if len(shards) == 1:
        (directory / "0").rename(directory / SINGLE_FILE)
        return
    weight_map = {}
    for index, names in enumerate(shards):
        file_name = f"model-{index + 1:05}-of-{len(shards):05}.safetensors"
        (directory / str(index)).rename(directory / file_name)
        weight_map.update(dict.fromkeys(names, file_name))
    write_json(
        directory / INDEX, {"metadata": {"total_size": total_bytes}, "weight_map": weight_map}
    )
