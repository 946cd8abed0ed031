"""Write the checkpoint that an operation on weights results in."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING, Any

from visionflan.analysis.weights.stored_model import StoredModel
from visionflan.analysis.weights.weight_files import write_weight_files
from visionflan.atomic_write import atomic_directory, write_json
from visionflan.model.base import ModelPart
from visionflan.model.chat_templates import load_template
from visionflan.model.checkpoint_path import check_is_new
from visionflan.model.families import find_family
from visionflan.model.pretrained import token_id_list
from visionflan.storage.trained_images import (
    NO_IMAGES,
    TRAINED_IMAGES,
    TrainedImages,
    merge_trained_images,
    read_trained_images,
    write_trained_images,
)

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig

GENERATION_CONFIG = "generation_config.json"
# What is copied from a checkpoint beside its weights: configurations, tokenizer, chat template.
COPIED_SUFFIXES = frozenset({".jinja", ".json", ".model", ".txt"})


@dataclass(frozen=True, kw_only=True)
class Surgery:
    """An operation on one part of a checkpoint.

    Attributes:
        operation: the name of the function
        base: the checkpoint whose other parts stay
        part: the part that changes
        sources: the directories of all weights that are used, as passed to the function
        options: its other arguments
        chat_template: the name or Jinja file of another chat template; empty keeps the base's
        config: another configuration
        eos_token_ids: tokens that end an answer beside those of the base
    """

    operation: str
    base: StoredModel
    part: ModelPart
    sources: Sequence[Path]
    options: Mapping[str, object] = field(default_factory=dict)
    chat_template: str = ""
    config: "PreTrainedConfig | None" = None
    eos_token_ids: Sequence[int] = ()

    def write(self, out: Path, weights: "Iterable[tuple[str, Tensor]]") -> Path:
        """Write the checkpoint with new weights, by name on disk, of the part; atomic."""
        from visionflan.model.fingerprint import fingerprint_model
        from visionflan.train.checkpoint import write_run_json

        check_is_new(out)
        with atomic_directory(out) as temporary:
            self.write_files(temporary)
            write_weight_files(temporary, self.all_weights(weights))
            write_trained_images(temporary, self.trained_images())
            model = StoredModel.open(temporary)
            tower = model.parts["vision_tower"]
            fingerprint = fingerprint_model(
                model.structure, {name: tower.tensor(name) for name in tower.names}
            )
            write_run_json(temporary, {"surgery": self.description()}, fingerprint)
        return out

    def write_files(self, directory: Path) -> None:
        """Write all files beside the weights."""
        for path in sorted(self.base.directory.iterdir()):
            is_index = path.name.endswith(".index.json")
            if path.suffix in COPIED_SUFFIXES and path.name != "run.json" and not is_index:
                copy(path, directory)
        if self.config is not None:
            self.config.save_pretrained(directory)
        if self.eos_token_ids:
            add_eos_token_ids(directory, self.eos_token_ids)
        if self.chat_template:
            write_chat_template(directory, self.base, self.chat_template)

    def all_weights(
        self, changed: "Iterable[tuple[str, Tensor]]"
    ) -> "Iterator[tuple[str, Tensor]]":
        """Yield the weights of the other parts as they are, then the changed ones."""
        for part, weights in self.base.parts.items():
            if part != self.part:
                yield from ((name, weights.files.tensor(name)) for name in weights.names.values())
        yield from changed

    def trained_images(self) -> TrainedImages:
        """Return the images that any of the weights were trained on."""
        return merge_trained_images(map(images_of_source, self.sources))

    def description(self) -> dict[str, Any]:
        """Return what is done to which weights, as JSON values."""
        from visionflan.train.checkpoint import weights_source

        template = {"chat_template": self.chat_template} if self.chat_template else {}
        return {
            "operation": self.operation,
            "part": self.part,
            "checkpoints": [weights_source(path) for path in self.sources],
            **self.options,
            **template,
        }


def images_of_source(directory: Path) -> TrainedImages:
    """Return the images of a checkpoint; a plain language model without a record has seen none."""
    if find_family(directory) is None and not (directory / TRAINED_IMAGES).is_file():
        return NO_IMAGES
    return read_trained_images(directory)


def read_eos_token_ids(directory: Path) -> list[int]:
    """Return the tokens that end an answer, from the generation config or else the model's."""
    for name in (GENERATION_CONFIG, "config.json"):
        if (directory / name).is_file():
            config = json.loads((directory / name).read_bytes())
            if token_ids := token_id_list(config.get("eos_token_id")):
                return token_ids
    return []


def add_eos_token_ids(directory: Path, token_ids: Sequence[int]) -> None:
    """Add tokens that end an answer to the generation config, if there is one without them."""
    file = directory / GENERATION_CONFIG
    if not file.is_file():
        return
    config = json.loads(file.read_bytes())
    present = set(token_id_list(config.get("eos_token_id")))
    if not present.issuperset(token_ids):
        write_json(file, config | {"eos_token_id": sorted(present.union(token_ids))})


def write_chat_template(directory: Path, base: StoredModel, chat_template: str) -> None:
    """Write the processor with another chat template."""
    from visionflan.train.checkpoint import write_compatible_tokenizer_config

    processor = base.structure.processor
    processor.chat_template = load_template(chat_template)
    processor.save_pretrained(directory)
    write_compatible_tokenizer_config(directory, processor.tokenizer.model_input_names)
