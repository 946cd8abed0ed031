"""Complete runs, each a function that returns its whole configuration."""

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from visionflan.errors import TrainingError, UnknownNameError
from visionflan.recipes.paper import base_7b, base_13b, chat_7b, chat_13b
from visionflan.recipes.tiny import tiny
from visionflan.train.config import TrainConfig

__all__ = ["base_7b", "base_13b", "chat_7b", "chat_13b", "find", "names", "tiny"]


def names() -> list[str]:
    """Name the recipes that come with the package."""
    return [name for name in __all__ if name not in ("find", "names")]


def find(name: str) -> TrainConfig:
    """Give the recipe of this short name, or the one that `package.module:function` returns."""
    place, _, function = name.rpartition(":")
    if not place and name not in names():
        near = get_close_matches(name, names(), n=3, cutoff=0.4) or names()
        raise UnknownNameError(
            f"there is no recipe {name!r}: it could be {', '.join(near)}, or any function told as "
            "package.module:function."
        )
    recipe = getattr(imported(place or __name__, name), function or name, None)
    config = recipe() if callable(recipe) else None
    if not isinstance(config, TrainConfig):
        raise TrainingError(f"{name} is no recipe: it must be a function returning a TrainConfig.")
    return config


def imported(place: str, name: str) -> ModuleType:
    """Import a module, also one in the folder that the user stands in."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as fault:
        raise TrainingError(f"the recipe {name} cannot be imported: {fault}.") from fault
