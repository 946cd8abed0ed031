"""The model families, one file each; none of them is imported before it is needed.

A file defines `FAMILY`, a subclass of `VisionLanguageModel`. Other packages add families by the
entry point `visionflan.families`.
"""

import json
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.catalog import (
    distinct_names,
    entry_point_modules,
    import_module_of,
    unknown_name_error,
)
from visionflan.errors import DefinitionError, TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_tokenizer import ChatTokenizer

if TYPE_CHECKING:
    from transformers import ProcessorMixin

GROUP = "visionflan.families"
DEFAULT_FAMILY = "llava"


@cache
def installed_modules() -> dict[str, str]:
    """Return the modules of other packages' families by name."""
    return entry_point_modules(GROUP)


def names() -> list[str]:
    """Return the names of all families without importing any."""
    ours = {module.name for module in pkgutil.iter_modules(__path__)}
    return distinct_names("model families", ours, installed_modules())


def load_family(name: str) -> type[VisionLanguageModel]:
    """Import the file of one family and return the `FAMILY` it defines."""
    if name not in names():
        raise unknown_name_error("model family", name, names(), f"there is {', '.join(names())}")
    module = import_module_of(
        "model family", name, installed_modules().get(name, f"{__name__}.{name}")
    )
    family: object = getattr(module, "FAMILY", None)
    if not (isinstance(family, type) and issubclass(family, VisionLanguageModel)):
        raise DefinitionError(
            f"the file of the model family {name} must define `FAMILY`, a VisionLanguageModel"
        )
    return family


def family_of(checkpoint: Path) -> type[VisionLanguageModel]:
    """Return the family that loads a checkpoint, by the `model_type` in its `config.json`."""
    file = checkpoint / "config.json"
    if not file.is_file():
        raise TrainingError(f"{checkpoint} is not a checkpoint: config.json is missing")
    model_type = json.loads(file.read_bytes()).get("model_type")
    families = {name: load_family(name) for name in names()}
    for family in families.values():
        if model_type in family.model_types:
            return family
    raise TrainingError(
        f"{checkpoint} is a model of type {model_type!r}, which none of the model families "
        f"({', '.join(families)}) can load"
    )


def load_model(
    checkpoint: Path, *, chat_template: str = "", dtype: str = "float32"
) -> VisionLanguageModel:
    """Load a checkpoint of any family."""
    return family_of(checkpoint).load(checkpoint, chat_template=chat_template, dtype=dtype)


def load_chat_tokenizer(checkpoint: Path) -> ChatTokenizer:
    """Load the tokenizer of conversations of a checkpoint, without the weights."""
    family = family_of(checkpoint)
    processor: ProcessorMixin = family.load_processor(checkpoint)
    return family.make_chat_tokenizer(processor)
