"""Load the files of one kind, ours and those of other packages; a broken one costs only itself."""

import importlib
import pkgutil
import traceback
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

from visionflan.errors import DefinitionError, UnusableError, VisionflanError

T = TypeVar("T")
PACKAGE = Path(__file__).parent
FAILURES = (Exception, SystemExit)  # of code of others: a file that ends Python is broken


class PluginWarning(UserWarning):
    """A file of another package is left out, since it cannot be loaded."""


class Plugin(NamedTuple):
    """A module that an installed package offers by an entry point."""

    module: str
    package: str  # the name of the distribution; empty if not known


class PluginKind:
    """Files of one kind, such as datasets: ours in a package, others by an entry point."""

    def __init__(self, noun: str, group: str, package: str, helpers: Collection[str] = ()) -> None:
        self.noun, self.group, self.package = noun, group, package
        self.helpers = frozenset(helpers)  # modules of the package that are not of the kind

    @cached_property
    def ours(self) -> set[str]:
        """The names of the files in this package; cached, since it lists a directory."""
        path = importlib.import_module(self.package).__path__
        return {module.name for module in pkgutil.iter_modules(path)} - self.helpers

    @cached_property
    def installed(self) -> dict[str, Plugin]:
        """What other packages offer, by name; cached, since it is slow to find."""
        return {
            entry.name: Plugin(entry.module, entry.dist.name if entry.dist else "")
            for entry in entry_points(group=self.group)
        }

    def names(self) -> list[str]:
        """Return all names, sorted, without importing; a plugin with one of ours is left out."""
        for name in sorted(self.ours & set(self.installed)):
            warn_left_out(
                f"the {self.noun} {name} of {describe_package(self.installed[name])}: visionflan "
                "has one of that name: rename the entry point"
            )
        return sorted({*self.ours, *self.installed})

    def module_name(self, name: str) -> str:
        """Return the module of a name."""
        return f"{self.package}.{name}" if name in self.ours else self.installed[name].module

    def import_module(self, name: str) -> ModuleType:
        """Import the module of a name; raise DefinitionError if that fails."""
        module = self.module_name(name)
        label = f"the {self.noun} {name}"
        if name not in self.ours:
            label += f" of {describe_package(self.installed[name])}"
        try:
            return importlib.import_module(module)
        except FAILURES as error:
            if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
                message = f"{label}: its entry point names {module}, which does not exist"
                raise DefinitionError(message) from None
            raise DefinitionError(f"{label}: {locate(error)}") from error


def load_each(names: Iterable[str], load: Callable[[str], T]) -> Iterator[tuple[str, T]]:
    """Yield each name with what it loads; one that cannot be loaded is left out with a warning."""
    for name in names:
        try:
            loaded = load(name)
        except DefinitionError as error:
            warn_left_out(str(error))
        else:
            yield name, loaded


def warn_left_out(message: str) -> None:
    """Warn that something is left out; the command line prints each such message once."""
    warnings.warn(f"left out: {message}", PluginWarning, stacklevel=2)


def describe_package(plugin: Plugin) -> str:
    """Return the package of a plugin for a message."""
    return f"the package {plugin.package}" if plugin.package else f"the module {plugin.module}"


def locate(error: BaseException, path: Path | None = None) -> str:
    """Return `FILE:LINE: what is wrong` for an exception that the code of a file raised.

    The line is the innermost one in the file, by default in the innermost file that is not part of
    this package or of Python's import system, unless it is a dataset file of ours.
    """
    if isinstance(error, SyntaxError):
        line = "" if error.lineno is None else f":{error.lineno}"  # none for a file of null bytes
        return f"{error.filename or path}{line}: {type(error).__name__}: {error.msg}"
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, VisionflanError):
        what = error.detail if isinstance(error, UnusableError) else str(error)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        file = Path(frame.filename)
        if file == path or (path is None and is_plugin_code(file)):
            return f"{file}:{frame.lineno}: {what}"
    return f"{path}: {what}" if path else what


def is_plugin_code(file: Path) -> bool:
    """Return whether a file is a dataset file, or outside this package and the import system."""
    if file.name.startswith("<frozen") or Path(importlib.__file__).parent in file.parents:
        return False
    return file.is_relative_to(PACKAGE / "datasets") or not file.is_relative_to(PACKAGE)
