"""The model families, one file each; none of them is imported before it is needed.

A file defines `FAMILY`, a subclass of `VisionLanguageModel`. Other packages add families by the
entry point `visionflan.families`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.catalog import unknown_name_error
from visionflan.errors import DefinitionError, TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.checkpoint_path import check_checkpoint, is_original_llava, read_config
from visionflan.model.pretrained import load_config, silence_transformers
from visionflan.plugins import PluginKind, load_each

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

FAMILIES = PluginKind("model family", "visionflan.families", __name__)
DEFAULT_FAMILY = "llava"


def names() -> list[str]:
    """Return the names of all families without importing any."""
    return FAMILIES.names()


def load_family(name: str) -> type[VisionLanguageModel]:
    """Import the file of one family and return the `FAMILY` it defines."""
    if name not in names():
        raise unknown_name_error("model family", name, names(), f"there is {', '.join(names())}")
    family: object = getattr(FAMILIES.import_module(name), "FAMILY", None)
    if not (isinstance(family, type) and issubclass(family, VisionLanguageModel)):
        raise DefinitionError(
            f"the file of the model family {name} must define `FAMILY`, a VisionLanguageModel"
        )
    return family


def family_of(checkpoint: Path) -> type[VisionLanguageModel]:
    """Return the family that loads a checkpoint, by the `model_type` in its `config.json`."""
    if family := find_family(checkpoint):
        return family
    raise TrainingError(
        f"{checkpoint} is a model of type {read_config(checkpoint)['model_type']!r}, which none of "
        f"the model families ({', '.join(dict(load_each(names(), load_family)))}) can load"
    )


def find_family(directory: Path) -> type[VisionLanguageModel] | None:
    """Return the family that loads a directory; None for another model of `transformers`."""
    check_checkpoint(directory)
    config = read_config(directory)
    if is_original_llava(config):
        raise TrainingError(
            f"{directory} is in the form of LLaVA's own code: import it by `visionflan "
            f"import-checkpoint {directory} --vision-tower DIR --out CKPT`, and name CKPT instead"
        )
    model_type = config["model_type"]
    for _, family in load_each(names(), load_family):
        if model_type in family.model_types:
            return family
    return None


def load_model(
    checkpoint: Path, *, chat_template: str = "", dtype: str = "float32"
) -> VisionLanguageModel:
    """Load a checkpoint of any family."""
    return family_of(checkpoint).load(checkpoint, chat_template=chat_template, dtype=dtype)


def load_structure(
    checkpoint: Path, config: "PreTrainedConfig | None" = None
) -> VisionLanguageModel:
    """Load a checkpoint without its weights, which are on torch's meta device.

    `config` replaces that of the checkpoint.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    family = family_of(checkpoint)
    config = config or load_config(checkpoint)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    return family(model, family.load_processor(checkpoint))


def load_chat_tokenizer(checkpoint: Path) -> ChatTokenizer:
    """Load the tokenizer of conversations of a checkpoint, without the weights."""
    silence_transformers()
    family = family_of(checkpoint)
    return family.make_chat_tokenizer(family.load_processor(checkpoint))
