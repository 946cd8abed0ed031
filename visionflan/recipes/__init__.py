"""Recipes: functions that return the configuration of a complete run."""

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from visionflan.errors import TrainingError, UnknownNameError
from visionflan.recipes.finetune import finetune
from visionflan.recipes.paper import base_7b, base_13b, chat_7b, chat_13b
from visionflan.recipes.single_gpu import (
    base_7b_24gb,
    base_7b_24gb_qlora,
    base_7b_48gb,
    base_7b_80gb,
    base_13b_48gb_qlora,
    chat_7b_24gb,
    chat_7b_24gb_qlora,
    chat_7b_48gb,
    chat_7b_80gb,
    chat_13b_48gb_qlora,
)
from visionflan.recipes.tiny import tiny
from visionflan.train.config import TrainConfig

__all__ = [
    "base_7b",
    "base_7b_24gb",
    "base_7b_24gb_qlora",
    "base_7b_48gb",
    "base_7b_80gb",
    "base_13b",
    "base_13b_48gb_qlora",
    "chat_7b",
    "chat_7b_24gb",
    "chat_7b_24gb_qlora",
    "chat_7b_48gb",
    "chat_7b_80gb",
    "chat_13b",
    "chat_13b_48gb_qlora",
    "find",
    "finetune",
    "names",
    "tiny",
]


def names() -> list[str]:
    """Return the names of the recipes in this package."""
    return [name for name in __all__ if name not in ("find", "names")]


def find(name: str) -> TrainConfig:
    """Return the configuration of a recipe: a short name, or `package.module:function`."""
    module_name, _, function = name.rpartition(":")
    if not module_name and name not in names():
        near = get_close_matches(name, names(), n=3, cutoff=0.6) or names()
        raise UnknownNameError(
            f"there is no recipe {name!r}: did you mean {', '.join(near)}? Your own function "
            "is written as package.module:function"
        )
    recipe = getattr(import_recipe(module_name or __name__, name), function or name, None)
    config = recipe() if callable(recipe) else None
    if not isinstance(config, TrainConfig):
        raise TrainingError(
            f"{name} is not a recipe: it must be a function that returns a TrainConfig"
        )
    return config


def import_recipe(module_name: str, recipe: str) -> ModuleType:
    """Import the module of a recipe; it may be in the current directory."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise TrainingError(f"the recipe {recipe} cannot be imported: {error}") from error
