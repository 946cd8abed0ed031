"""Find the source files that declare a dataset and read its release."""

import ast
import importlib.util
from collections.abc import Mapping, Set
from pathlib import Path

import visionflan
from visionflan import catalog
from visionflan.python_source import parse_python

# Modules with which the reader of a dataset draws on the images of its release.
DRAWS_WITH = {"ai2d": ("drawing/__init__.py",)}


def dataset_files(name: str) -> list[Path]:
    """Return the file that declares a dataset, and the third-party files that its reader runs.

    These are the modules that a dataset file of another package imports from there, and those that
    a loose file imports from its own directory.
    """
    module, file = catalog.module_name(name), catalog.file_of(name)
    packages = {module.partition(".")[0]}
    if packages == {visionflan.__name__}:
        root = Path(visionflan.__file__).parent
        return [file, *(root / module for module in DRAWS_WITH.get(name, ()))]
    if name in catalog.loose_files:
        packages = modules_in(file.parent) - {visionflan.__name__}
    files = {module: file}
    pending = [module]
    while pending:
        for imported, path in imported_files(pending.pop(), files, packages).items():
            files[imported] = path
            pending.append(imported)
    return [files[name] for name in sorted(files)]


def modules_in(directory: Path) -> set[str]:
    """Return the names of the modules and packages in a directory."""
    packages = {path.parent.name for path in directory.glob("*/__init__.py")}
    return packages | {path.stem for path in directory.glob("*.py")}


def imported_files(module: str, known: Mapping[str, Path], packages: Set[str]) -> dict[str, Path]:
    """Return the files of the modules of packages that a module imports, besides known ones."""
    anchor = module if known[module].name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(parse_python(known[module].read_bytes(), known[module])):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(relative, anchor)
            names.update([origin, *(f"{origin}.{alias.name}" for alias in node.names)])
    inside = {name for name in names if name.partition(".")[0] in packages} - known.keys()
    return {name: path for name in sorted(inside) if (path := module_file(name)) is not None}


def module_file(name: str) -> Path | None:
    """Return the source file of a module, or None if the name is not a module."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(str(spec.origin)) if spec is not None and spec.has_location else None
