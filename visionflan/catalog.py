"""Find every dataset file: those of the package, of other packages, and loose ones."""

import importlib.util
import pkgutil
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from visionflan import datasets
from visionflan.dataset import Dataset
from visionflan.errors import DefinitionError, UnknownNameError

GROUP = "visionflan.datasets"
MAX_LISTED_TASKS = 9  # named in the message about an unknown task

loose_files: dict[str, Path] = {}


def unknown_name_error(
    noun: str, name: str, known: Collection[str], hint: str = ""
) -> UnknownNameError:
    """Return the error for an unknown name; it suggests the nearest known ones, else `hint`."""
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else hint or f"see `visionflan {noun}s`."
    return UnknownNameError(f"no {noun} is named {name!r}: {hint}")


def match_tasks(patterns: Iterable[str], tasks: Collection[str]) -> list[str]:
    """Return the tasks that match any pattern, in their given order.

    A pattern is a task, a dataset (all its tasks), or has wildcards, as in `coco/*`. Raises
    UnknownNameError for a pattern that matches no task.
    """
    matches: set[str] = set()
    for pattern in patterns:
        forms = [pattern] if "/" in pattern else [pattern, f"{pattern}/*"]
        matching = {task for task in tasks if any(fnmatchcase(task, form) for form in forms)}
        if not matching:
            examples = ", ".join(list(tasks)[:MAX_LISTED_TASKS])
            datasets = dict.fromkeys(task.partition("/")[0] for task in tasks)
            raise unknown_name_error("task", pattern, [*tasks, *datasets], f"there is {examples}")
        matches |= matching
    return [task for task in tasks if task in matches]


def add_file(path: Path) -> str:
    """Add a loose dataset file under its own name, and return that name."""
    if not path.is_file():
        raise FileNotFoundError(f"no dataset file {path}")
    loose_files[path.stem] = path.resolve()
    return path.stem


def entry_point_modules(group: str) -> dict[str, str]:
    """Return the modules that other packages offer by an entry point of a group, by name."""
    return {entry.name: entry.module for entry in entry_points(group=group)}


def distinct_names(nouns: str, *sources: Collection[str]) -> list[str]:
    """Return all names, sorted; raise DefinitionError if two sources have the same one."""
    counts = Counter(name for source in sources for name in source)
    if both := sorted(name for name, count in counts.items() if count > 1):
        raise DefinitionError(f"two {nouns} are named {', '.join(both)}: rename one")
    return sorted(counts)


@cache
def installed_modules() -> dict[str, str]:
    """Return the modules of other packages' dataset files by name; cached, since it is slow."""
    return entry_point_modules(GROUP)


def names() -> list[str]:
    """Return the name of every dataset without importing any of them."""
    ours = {module.name for module in pkgutil.iter_modules(datasets.__path__)}
    return distinct_names("dataset files", ours, installed_modules(), loose_files)


@cache
def load(name: str) -> Dataset[Any]:
    """Import one dataset file and return the `dataset` it defines."""
    if name not in names():
        raise unknown_name_error("dataset", name, names())
    dataset: object = getattr(module(name), "dataset", None)
    if not isinstance(dataset, Dataset):
        raise DefinitionError(f"the dataset file {name} must define one `dataset`")
    return dataset


def module(name: str) -> ModuleType:
    """Import the module of a dataset file."""
    if name in loose_files:
        return import_file(module_name(name), loose_files[name])
    return import_module_of("dataset", name, module_name(name))


def import_module_of(what: str, name: str, module: str) -> ModuleType:
    """Import the module of a dataset, format, ...; refuse one that does not exist."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        raise DefinitionError(
            f"the entry point of the {what} {name} names the module {module}, which does not exist"
        ) from None


def module_name(name: str) -> str:
    """Return the name under which the module of a dataset file is imported."""
    if name in loose_files:
        return f"visionflan_loose_{name}"
    return installed_modules().get(name, f"{datasets.__name__}.{name}")


def import_file(name: str, path: Path) -> ModuleType:
    """Import a loose file as a module that worker processes can find by name again."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def task_names() -> list[str]:
    """Return every task as `dataset/task`; imports all dataset files."""
    return [f"{name}/{task}" for name in names() for task in load(name).tasks]
