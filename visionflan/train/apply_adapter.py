"""Apply an adapter that was saved to the model that it was trained on."""

import json
import warnings
from pathlib import Path
from typing import Any

from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.fingerprint import weights_digest
from visionflan.train.adapter import BASE, WEIGHTS

CONFIG = "adapter_config.json"
MAX_REASON = 300  # characters of an error of `peft`


def check_adapter_directory(directory: Path) -> None:
    """Raise TrainingError unless a directory has an adapter in the form of `peft`."""
    for name in (CONFIG, WEIGHTS):
        if not (directory / name).is_file():
            raise TrainingError(
                f"init.adapter is {directory}, which has no {name}: set it to the `adapter` "
                "directory of a checkpoint, or to another adapter in the form of peft"
            )


def apply_adapter(
    vlm: VisionLanguageModel, source: dict[str, str], directory: Path
) -> dict[str, str]:
    """Merge a saved adapter into a model; return the model's new source.

    `source` has the path and digest of the model's weights. Raises TrainingError if the adapter was
    trained on others or does not fit.
    """
    check_adapter_directory(directory)
    check_base(source, directory)
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # The library asks a model for what `transformers` has under another name now.
            warnings.simplefilter("ignore", FutureWarning)
            adapted: Any = PeftModel.from_pretrained(vlm.model, str(directory))
        adapted.merge_and_unload()
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:MAX_REASON]
        raise TrainingError(
            f"the adapter in {directory} does not fit {source['path']}: {reason}"
        ) from error
    vlm.model.requires_grad_(True)
    return source | {"adapter": str(directory), "adapter_sha256": weights_digest(directory)}


def check_base(source: dict[str, str], directory: Path) -> None:
    """Raise TrainingError if an adapter records other weights than those of its base.

    An adapter that another program made records none.
    """
    file = directory / BASE
    if not file.is_file():
        return
    base: dict[str, str] = json.loads(file.read_bytes())
    for name in ("weights_sha256", "adapter_sha256"):
        if base.get(name) != source.get(name):
            raise TrainingError(
                f"the adapter in {directory} was trained on the weights of {base['path']}, which "
                f"are not those of {source['path']}: apply it to the model that it was trained on"
            )
