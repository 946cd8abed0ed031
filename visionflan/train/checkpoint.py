"""Open the model that a stage starts from, check it, and save the stage's checkpoint."""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from visionflan import __version__
from visionflan.atomic_write import atomic_directory, write_json
from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_templates import select_template
from visionflan.model.families import load_family, load_model
from visionflan.model.fingerprint import (
    ModelFingerprint,
    fingerprint_model,
    tensors_digest,
    tower_weights,
    weights_digest,
)
from visionflan.model.pretrained import load_tokenizer, load_vision_tower
from visionflan.model.processor import CheckpointProcessor
from visionflan.storage.trained_images import TrainedImages, write_trained_images
from visionflan.train.adapter import has_adapter, merge_adapter, write_adapter
from visionflan.train.apply_adapter import apply_adapter
from visionflan.train.config import InitConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.quantization import has_quantized_weights, original_weights
from visionflan.train.training_model import TrainingModel

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow")


class InitialModel(NamedTuple):
    """The model a stage starts from, and the path and digest of its weights."""

    vlm: VisionLanguageModel
    source: dict[str, str]


def open_initial_model(init: InitConfig, seed: int) -> InitialModel:
    """Open the model that a run starts from, with its adapter merged if it has one."""
    initial = open_base_model(init, seed)
    if init.adapter is None:
        return initial
    return initial._replace(source=apply_adapter(initial.vlm, initial.source, init.adapter))


def open_base_model(init: InitConfig, seed: int) -> InitialModel:
    """Open a checkpoint, or two parts with a new connector."""
    if init.checkpoint is not None:
        vlm = load_model(init.checkpoint, chat_template=init.chat_template)
        check_start_matches(init, vlm)
        return InitialModel(vlm, weights_source(init.checkpoint))
    assert init.vision_tower is not None
    assert init.language_model is not None
    vlm = load_family(init.family).build(
        init.vision_tower,
        init.language_model,
        connector=init.connector,
        chat_template=init.chat_template,
        seed=seed,
    )
    return InitialModel(vlm, weights_source(init.vision_tower, init.language_model))


def weights_source(*directories: Path) -> dict[str, str]:
    """Return the paths and digests of weights, each separated by blanks."""
    return {
        "path": " ".join(map(str, directories)),
        "weights_sha256": " ".join(map(weights_digest, directories)),
    }


def check_start_matches(init: InitConfig, vlm: VisionLanguageModel) -> None:
    """Raise TrainingError if the checkpoint was trained with other parts than `init` names."""
    if init.vision_tower is not None:
        expected = tensors_digest(load_vision_tower(init.vision_tower).state_dict())
        if fingerprint_model(vlm).vision_tower != expected:
            raise TrainingError(
                f"{init.checkpoint} was trained with a different vision tower than "
                f"{init.vision_tower}"
            )
    if init.language_model is None:
        return
    tokenizer, processor = load_tokenizer(init.language_model), vlm.processor
    vocabulary = processor.tokenizer.get_vocab()
    if any(vocabulary.get(token) != id_ for token, id_ in tokenizer.get_vocab().items()):
        raise TrainingError(
            f"{init.checkpoint} was trained with a different tokenizer than {init.language_model}"
        )
    if str(processor.chat_template) != select_template(tokenizer.chat_template, init.chat_template):
        raise TrainingError(
            f"{init.checkpoint} was trained with a different chat template than that of "
            f"{init.language_model}: set the right one in init.chat_template"
        )


def open_previous_stage(checkpoint: Path, expected: ModelFingerprint) -> InitialModel:
    """Open the checkpoint of the previous stage. Raises TrainingError if it was changed since."""
    source = weights_source(checkpoint)
    if source["weights_sha256"] != read_run_json(checkpoint)["weights_sha256"]:
        raise TrainingError(
            f"the weights in {checkpoint} do not match the digest in its run.json: restore them, "
            "or delete the directory and train that stage again"
        )
    vlm = load_model(checkpoint)
    actual = fingerprint_model(vlm)
    for name, before, now in zip(ModelFingerprint._fields, expected, actual, strict=True):
        if before != now:
            part = name.replace("_", " ")
            raise TrainingError(
                f"{checkpoint} has a different {part} than the model that this run started with"
            )
    return InitialModel(vlm, source)


def read_run_json(checkpoint: Path) -> dict[str, Any]:
    """Return the content of a checkpoint's run.json."""
    run: dict[str, Any] = json.loads((checkpoint / "run.json").read_bytes())
    return run


def is_complete(checkpoint: Path) -> bool:
    """Return whether a checkpoint is complete; its run.json is written last."""
    return (checkpoint / "run.json").is_file()


def save_checkpoint(
    directory: Path,
    model: TrainingModel,
    *,
    run: dict[str, Any],
    trained: TrainedImages,
    reopen: Callable[[], InitialModel],
    distributed: DistributedContext,
) -> None:
    """Write a checkpoint that `transformers` opens, with a run.json; atomic, by renaming.

    `reopen` opens the model that the stage started from again.
    """
    weights = gather_weights(model, reopen, run)
    if distributed.is_main_process:
        with atomic_directory(directory) as temporary:
            if has_adapter(model.vlm):
                weights = write_and_merge(temporary, model.vlm, weights, run["initialized_from"])
            named = {name.removeprefix("model."): weight for name, weight in weights.items()}
            fingerprint = fingerprint_model(model.vlm, tower_weights(model.vlm, named))
            del named
            write_model(temporary, model.vlm, weights, run["config"]["checkpoint_dtype"])
            write_trained_images(temporary, trained)
            write_run_json(temporary, run, fingerprint)
    distributed.barrier()


def gather_weights(
    model: TrainingModel, reopen: Callable[[], InitialModel], run: dict[str, Any]
) -> dict[str, Any]:
    """Return the weights of all processes, with original ones in place of quantized ones.

    Raises TrainingError if those are not the weights that the stage started from any more.
    """
    if not has_quantized_weights(model.vlm):
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return dict(get_model_state_dict(model, options=options))
    vlm, source = reopen()
    if source != run["initialized_from"]:
        raise TrainingError(
            f"the weights in {source['path']} have changed since stage {run['stage']} started: "
            "restore them, and run the same command again, which merges the adapter into them"
        )
    weights = original_weights(model, vlm)
    original: Any = vlm.model
    original.to("meta")  # so that a weight is let go with `weights`
    return {f"model.{name}": weight for name, weight in weights.items()}


def write_and_merge(
    checkpoint: Path, vlm: VisionLanguageModel, weights: dict[str, Any], base: dict[str, str]
) -> dict[str, Any]:
    """Write the adapter of a model into its checkpoint; return the weights with it merged.

    `weights` is emptied.
    """
    own = {name.removeprefix("model."): weights.pop(name) for name in list(weights)}
    write_adapter(checkpoint / "adapter", vlm, own, base)
    return {f"model.{name}": weight for name, weight in merge_adapter(vlm, own).items()}


def write_run_json(checkpoint: Path, run: dict[str, Any], fingerprint: ModelFingerprint) -> None:
    """Write a checkpoint's run.json, with digests of what is there and the versions of software."""
    write_json(
        checkpoint / "run.json",
        {
            **run,
            "fingerprint": fingerprint._asdict(),
            "weights_sha256": weights_digest(checkpoint),
            "versions": versions(),
        },
    )


def write_model(
    directory: Path, vlm: VisionLanguageModel, weights: dict[str, Any], dtype: str
) -> None:
    """Write gathered weights in a dtype, with the model's configuration and processor.

    `weights` is emptied, so that memory holds no weight in two dtypes.
    """
    torch_dtype = getattr(torch, dtype)
    model: Any = vlm.model
    model.config.dtype = torch_dtype
    cast = dict[str, Any]()
    for name in list(weights):
        weight = weights.pop(name)
        is_number = weight.is_floating_point()
        cast[name.removeprefix("model.")] = weight.to(torch_dtype) if is_number else weight
    for name in model.all_tied_weights_keys:
        cast.pop(name)
    vlm.save_weights(directory, cast)
    write_processor(directory, vlm)


def write_processor(directory: Path, vlm: VisionLanguageModel) -> None:
    """Write the processor of a model; that of a checkpoint stays as it is."""
    vlm.processor.save_pretrained(directory)
    if not isinstance(vlm.processor, CheckpointProcessor):
        write_compatible_tokenizer_config(directory, vlm.processor.tokenizer.model_input_names)


def write_compatible_tokenizer_config(directory: Path, model_input_names: list[str]) -> None:
    """Rewrite `tokenizer_config.json` with what `transformers` 4 and other programs know.

    Version 4 has other default inputs for a tokenizer without a class of its own, and reads a list
    of special tokens under another name.
    """
    file = directory / "tokenizer_config.json"
    config = json.loads(file.read_bytes())
    if config["tokenizer_class"] == "TokenizersBackend":
        config |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    if isinstance(config.get("extra_special_tokens"), list):
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    write_json(file, config | {"model_input_names": model_input_names})


def versions() -> dict[str, str]:
    """Return the versions of the software that results may depend on."""
    packages = {package: version(package) for package in PACKAGES}
    return {"visionflan": __version__, "python": platform.python_version(), **packages}
