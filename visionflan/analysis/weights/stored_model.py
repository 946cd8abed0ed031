"""A model on disk: its structure without weights, and the weights of each of its parts by name.

A weight has a local name in its part, such as `layers.0.mlp.up_proj.weight` in the language model,
which is the same in memory, under published names, and in the directory of a plain language model.
The output head belongs to the language model and keeps the name of its module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.analysis.weights.weight_files import WeightFiles
from visionflan.errors import TrainingError
from visionflan.model.base import PARTS, ModelPart
from visionflan.model.families import load_structure
from visionflan.model.feature_model import FeatureModel
from visionflan.plural import counted

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class StoredPart:
    """The weights of one part in a directory.

    Attributes:
        files: the weight files of the directory
        names: the name on disk of each weight, by its local name
    """

    files: WeightFiles
    names: Mapping[str, str]

    def shape(self, local_name: str) -> tuple[int, ...]:
        """Return the shape of a weight."""
        return self.files.shape(self.names[local_name])

    def tensor(self, local_name: str) -> "Tensor":
        """Return a weight."""
        return self.files.tensor(self.names[local_name])


@dataclass(frozen=True)
class StoredModel:
    """A checkpoint on disk.

    Attributes:
        directory: its path
        structure: the model without weights, and its processor
        files: its weight files
        parts: its weights by part
    """

    directory: Path
    structure: FeatureModel
    files: WeightFiles
    parts: Mapping[ModelPart, StoredPart]

    @classmethod
    def open(cls, directory: Path) -> "StoredModel":
        """Open a checkpoint. Raises TrainingError if a part lacks a weight."""
        structure, files = open_structure(directory), WeightFiles(directory)
        names: dict[ModelPart, dict[str, str]] = {part: {} for part in PARTS}
        patterns = name_patterns(structure)
        for name in files.files:
            part, rest = locate_weight(patterns, name)
            names[part][rest] = name
        parts = {
            part: match_names(files, names[part], local_weights(structure, part)) for part in PARTS
        }
        return cls(directory, structure, files, parts)


def open_structure(directory: Path, config: "PreTrainedConfig | None" = None) -> FeatureModel:
    """Open a checkpoint without its weights; `config` replaces its own.

    Raises TrainingError if its parts cannot be exchanged.
    """
    structure = load_structure(directory, config)
    if not isinstance(structure, FeatureModel):
        raise TrainingError(
            f"{directory} is a {type(structure).__name__} model, whose parts are not exchanged "
            "here: name checkpoints of LLaVA"
        )
    return structure


def module_paths(vlm: FeatureModel, part: ModelPart) -> "list[tuple[str, nn.Module]]":
    """Return the modules of a part with their paths in the model."""
    paths = {id(module): path for path, module in vlm.model.named_modules()}
    return [(paths[id(module)], module) for module in vlm.part_modules(part)]


def local_weights(vlm: FeatureModel, part: ModelPart) -> "dict[str, Tensor]":
    """Return the weights of a part by local name, without those tied to others."""
    tied: Any = vlm.model.all_tied_weights_keys
    weights = {}
    for index, (path, module) in enumerate(module_paths(vlm, part)):
        prefix = f"{path.rpartition('.')[2]}." if index else ""
        for name, weight in module.state_dict(keep_vars=True).items():
            if f"{path}.{name}" not in tied:
                weights[prefix + name] = weight
    return weights


def name_patterns(vlm: FeatureModel) -> dict[str, tuple[ModelPart, bool]]:
    """Return the part of each module's own name, and whether local names of weights contain it."""
    return {
        path.rpartition(".")[2]: (part, index > 0)
        for part in PARTS
        for index, (path, _) in enumerate(module_paths(vlm, part))
    }


def locate_weight(
    patterns: Mapping[str, tuple[ModelPart, bool]], name: str
) -> tuple[ModelPart, str]:
    """Return the part of a weight and its local name, by the innermost module in its name."""
    components = name.split(".")
    for position in reversed(range(len(components))):
        if components[position] in patterns:
            part, is_kept = patterns[components[position]]
            return part, ".".join(components[position + (not is_kept) :])
    raise TrainingError(
        f"the weight {name} belongs to none of the modules {', '.join(sorted(patterns))}: save the "
        "checkpoint again with a current version of `transformers`"
    )


def match_names(
    files: WeightFiles, names: Mapping[str, str], expected: "Mapping[str, Tensor]"
) -> StoredPart:
    """Return a part with all expected weights; others on disk, which no model reads, are left out.

    A name may have one more module in front, such as `model` in published names.
    """
    matched = {}
    for rest, name in names.items():
        for local_name in (rest, rest.partition(".")[2]):
            if local_name in expected:
                matched[local_name] = name
                break
    if missing := sorted(expected.keys() - matched.keys()):
        raise TrainingError(
            f"{files.directory} lacks {counted(len(missing), 'weight')}, first {missing[0]}"
        )
    return StoredPart(files, matched)
