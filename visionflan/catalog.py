"""Find every dataset file: those of the package, of other packages, and loose ones."""

import csv
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from visionflan.dataset import Dataset
from visionflan.errors import DefinitionError, UnknownNameError
from visionflan.plugins import FAILURES, PluginKind, load_each, locate

DATASETS = PluginKind("dataset", "visionflan.datasets", "visionflan.datasets")
MAX_LISTED_TASKS = 9  # named in the message about an unknown task
WILDCARDS = frozenset("*?[")

loose_files: dict[str, Path] = {}


def unknown_name_error(
    noun: str, name: str, known: Collection[str], hint: str = ""
) -> UnknownNameError:
    """Return the error for an unknown name; it suggests the nearest known ones, else `hint`.

    Of a dataset whose file is in the working directory, it suggests that.
    """
    if noun == "dataset" and (file := loose_file_of(name)):
        return UnknownNameError(
            f"no {noun} is named {name!r}: to use {file}, add --dataset-file {file}"
        )
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else hint or f"see `visionflan {noun}s`."
    return UnknownNameError(f"no {noun} is named {name!r}: {hint}")


def loose_file_of(name: str) -> str:
    """Return the dataset file of a name, which may be that of a file; "" if there is none."""
    file = name if name.endswith(".py") else f"{name}.py"
    return file if Path(file).is_file() else ""


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
    name = path.stem
    if name in (taken := DATASETS.names()) and name not in loose_files:
        raise DefinitionError(f"{path}: a dataset is already named {name}: rename the file")
    if other := {known.casefold(): known for known in taken}.get(name.casefold()):
        raise DefinitionError(f"{path}: its name is too much like that of {other}: rename the file")
    loose_files[name] = path.resolve()
    return name


def names() -> list[str]:
    """Return the name of every dataset without importing any of them."""
    return sorted({*DATASETS.names(), *loose_files})


@cache
def load(name: str) -> Dataset[Any]:
    """Import one dataset file and return the complete `dataset` it defines."""
    if name not in names():
        raise unknown_name_error("dataset", name, names())
    loaded = module(name)
    dataset: object = getattr(loaded, "dataset", None)
    if not isinstance(dataset, Dataset):
        raise DefinitionError(f"{loaded.__file__}: the file must define one `dataset`")
    for function in ("reader", "specimen"):
        if not hasattr(dataset, {"reader": "read", "specimen": "write_specimen"}[function]):
            raise DefinitionError(
                f"{loaded.__file__}: no function is decorated with `@dataset.{function}`"
            )
    return dataset


def reload(name: str) -> Dataset[Any]:
    """Import a dataset file again after a change; raise DefinitionError if its code fails now."""
    load.cache_clear()
    loaded = sys.modules.pop(module_name(name), None)
    if bytecode := getattr(loaded, "__cached__", None):
        # Python takes it for current if neither the size nor the second of the file has changed.
        with suppress(OSError):
            Path(bytecode).unlink()
    return load(name)


def file_of(name: str) -> Path:
    """Return the path of a dataset file, which is imported for that."""
    return loose_files.get(name) or Path(module(name).__file__ or "")


def load_all(chosen: Iterable[str] | None = None) -> Iterator[tuple[str, Dataset[Any]]]:
    """Yield every dataset, or the chosen ones, with its name.

    One whose file is broken is left out with a warning. A loose file was named by the user: if it
    is broken, its error is raised.
    """
    for name in loose_files:
        load(name)
    yield from load_each(names() if chosen is None else chosen, load)


def module(name: str) -> ModuleType:
    """Import the module of a dataset file; raise DefinitionError if its code fails."""
    if name in loose_files:
        return import_file(module_name(name), loose_files[name])
    return DATASETS.import_module(name)


def module_name(name: str) -> str:
    """Return the name under which the module of a dataset file is imported."""
    return f"visionflan_loose_{name}" if name in loose_files else DATASETS.module_name(name)


def import_file(name: str, path: Path) -> ModuleType:
    """Import a loose file as a module that worker processes can find by name again."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DefinitionError(f"{path} is not a Python file: its name must end in .py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    try:
        spec.loader.exec_module(loaded)
    except FAILURES as error:
        sys.modules.pop(spec.name, None)  # another thread may have been faster
        raise DefinitionError(locate(error, path.absolute())) from error
    return loaded


def task_names(chosen: Iterable[str] | None = None) -> list[str]:
    """Return the tasks of all datasets, or of the chosen ones, as `dataset/task`; imports them."""
    return [f"{name}/{task}" for name, dataset in load_all(chosen) for task in dataset.tasks]


def find_tasks(patterns: Collection[str]) -> list[str]:
    """Return the tasks that match any pattern, in the order of the catalog.

    See `match_tasks` for the patterns. Imports the files of the datasets that they name, or all.
    """
    named = {pattern.partition("/")[0] for pattern in patterns}
    if not WILDCARDS.intersection("".join(named)) and named <= set(names()):
        with suppress(UnknownNameError):  # which names the tasks of all datasets
            return match_tasks(patterns, task_names(sorted(named)))
    for name in sorted(named.difference(names())):
        if loose_file_of(name):
            raise unknown_name_error("dataset", name, names())
    return match_tasks(patterns, task_names())


def paper_tasks() -> set[tuple[str, str]]:
    """Return the dataset and the title of every task that the paper lists."""
    table = (files("visionflan") / "resources" / "official_tasks.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(table.splitlines(), delimiter="\t")
    return {(line["dataset"], line["title"]) for line in lines if line["in"] == "paper"}
