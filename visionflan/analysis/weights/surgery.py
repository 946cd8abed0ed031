"""Exchange, interpolate or draw anew the weights of one part of a checkpoint.

Each function writes a new checkpoint that `transformers` loads, in the dtype of the first one. Its
run.json has the directories that weights were taken from, with their digests, and what was done;
its record of training images covers all of them. Tensors are read and written one shard at a time.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.analysis.weights.compatibility import check_same_function
from visionflan.analysis.weights.language_models import (
    LanguageModel,
    check_exchangeable,
    check_same_template,
    config_with,
    open_plain_weights,
)
from visionflan.analysis.weights.output import Surgery, read_eos_token_ids
from visionflan.analysis.weights.stored_model import StoredModel, StoredPart, local_weights
from visionflan.errors import TrainingError
from visionflan.model.base import ModelPart
from visionflan.model.families import find_family

if TYPE_CHECKING:
    from torch import Tensor


def replace_part(
    checkpoint: Path, donor: Path, part: ModelPart, out: Path, *, chat_template: str = ""
) -> Path:
    """Write a checkpoint with one part of another, and return its directory.

    The donor of a language model, which includes its embeddings and its output head, may be a plain
    language model; tokens that only the checkpoint has, such as the image token, keep their rows.
    `chat_template`, a name or a Jinja file, is needed where the language models have different
    ones. Raises TrainingError if the part does not fit.
    """
    base = StoredModel.open(checkpoint)
    surgery = Surgery(
        operation="replace_part",
        base=base,
        part=part,
        sources=(checkpoint, donor),
        chat_template=chat_template,
    )
    if part == "language_model":
        return replace_language_model(surgery, donor, out)
    if find_family(donor) is None:
        raise TrainingError(
            f"{donor} is not a checkpoint with a {part.replace('_', ' ')}: name one that has it"
        )
    other = StoredModel.open(donor)
    check_same_function(part, base, other)
    return surgery.write(out, copied_weights(base, part, other.parts[part]))


def replace_language_model(surgery: Surgery, donor: Path, out: Path) -> Path:
    """Write a checkpoint with another language model and its configuration."""
    base = surgery.base
    other = None if find_family(donor) is None else StoredModel.open(donor)
    source = LanguageModel.open_plain(donor) if other is None else LanguageModel.of(other)
    check_exchangeable(LanguageModel.of(base), source)
    if not surgery.chat_template:
        check_same_template(
            LanguageModel.of(base), source, "choose that of the new checkpoint with chat_template"
        )
    config = config_with(base, source)
    surgery = replace(surgery, config=config, eos_token_ids=read_eos_token_ids(donor))
    if other is not None:
        weights = copied_weights(base, "language_model", other.parts["language_model"])
        return surgery.write(out, weights)
    stored = open_plain_weights(base, donor, config)
    weights = copied_weights(base, "language_model", stored)
    return surgery.write(out, keep_added_rows(base, weights, sorted(source.vocabulary.values())))


def interpolate_part(first: Path, second: Path, part: ModelPart, weight: float, out: Path) -> Path:
    """Write `first` with (1 - weight) * first + weight * second as the weights of one part.

    Raises TrainingError if `weight` is not between 0 and 1, or the part differs in more than its
    weights.
    """
    if not 0 <= weight <= 1:
        raise TrainingError(f"a weight of {weight} cannot interpolate: choose one from 0 to 1")
    base, other = StoredModel.open(first), StoredModel.open(second)
    check_same_function(part, base, other)
    if part == "language_model":
        models = LanguageModel.of(base), LanguageModel.of(other)
        check_exchangeable(*models)
        check_same_template(*models, "name checkpoints that have the same one")
    surgery = Surgery(
        operation="interpolate_part",
        base=base,
        part=part,
        sources=(first, second),
        options={"weight": weight},
    )
    return surgery.write(out, interpolated_weights(base.parts[part], other.parts[part], weight))


def randomize_part(checkpoint: Path, part: ModelPart, seed: int, out: Path) -> Path:
    """Write a checkpoint with a new connector, drawn as its family draws that of a new model.

    Raises TrainingError for the other parts, which are not drawn but pretrained.
    """
    if part != "connector":
        raise TrainingError(
            f"only a connector can be drawn anew: the {part.replace('_', ' ')} of a new model is a "
            "pretrained one, which replace_part can exchange"
        )
    base = StoredModel.open(checkpoint)
    surgery = Surgery(
        operation="randomize_part",
        base=base,
        part=part,
        sources=(checkpoint,),
        options={"seed": seed},
    )
    return surgery.write(out, random_connector(base, seed))


def copied_weights(
    base: StoredModel, part: ModelPart, source: StoredPart
) -> "Iterator[tuple[str, Tensor]]":
    """Yield the weights of a part of another model, by their names on disk in the checkpoint."""
    names = base.parts[part].names
    first = next(iter(local_weights(base.structure, part)))
    prefix = names[first].removesuffix(first)
    dtype = base.parts[part].tensor(first).dtype
    for local_name in source.names:
        tensor = source.tensor(local_name)
        # A language model with more layers has weights that the checkpoint has no names for.
        name = names.get(local_name, prefix + local_name)
        yield name, tensor.to(dtype) if tensor.is_floating_point() else tensor


def keep_added_rows(
    base: StoredModel, weights: "Iterator[tuple[str, Tensor]]", token_ids: list[int]
) -> "Iterator[tuple[str, Tensor]]":
    """Yield weights; embeddings and output head take only the rows of some tokens from them."""
    vocabulary_names = {
        base.parts["language_model"].names[local_name] for local_name in vocabulary_weights(base)
    }
    for name, tensor in weights:
        if name not in vocabulary_names:
            yield name, tensor
            continue
        rows = base.files.tensor(name).clone()
        rows[token_ids] = tensor[token_ids]
        yield name, rows


def vocabulary_weights(model: StoredModel) -> list[str]:
    """Return the local names of the weights with a row for each token."""
    untyped: Any = model.structure.model
    modules = untyped.get_input_embeddings(), untyped.get_output_embeddings()
    parameters = {id(parameter) for module in modules for parameter in module.parameters()}
    weights = local_weights(model.structure, "language_model")
    return [name for name, weight in weights.items() if id(weight) in parameters]


def interpolated_weights(
    first: StoredPart, second: StoredPart, weight: float
) -> "Iterator[tuple[str, Tensor]]":
    """Yield weights between those of two parts, computed in float32 at least."""
    import torch

    for local_name, name in first.names.items():
        start, end = first.tensor(local_name), second.tensor(local_name)
        if start.is_floating_point():
            dtype = torch.promote_types(start.dtype, torch.float32)
            start, end = (1 - weight) * start.to(dtype), weight * end.to(dtype)
            yield name, (start + end).to(first.tensor(local_name).dtype)
        else:
            yield name, start


def random_connector(base: StoredModel, seed: int) -> "Iterator[tuple[str, Tensor]]":
    """Yield the weights of a new connector, by name on disk."""
    stored, connector = base.parts["connector"], base.structure.connector
    connector.to_empty(device="cpu").float()
    base.structure.initialize_connector(seed)
    for local_name, weight in connector.state_dict().items():
        name = stored.names[local_name]
        yield name, weight.to(base.files.tensor(name).dtype)
