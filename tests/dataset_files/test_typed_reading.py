"""Readers convert values of a release by `layouts.fields` alone, so that null is never a word."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import visionflan.layouts

LAYOUTS = Path(visionflan.layouts.__file__).parent
DATASETS = LAYOUTS.parent / "datasets"
FILES = sorted([*DATASETS.glob("*.py"), *LAYOUTS.glob("*.py")])
CONVERSIONS = {"str", "int", "float", "repr"}
OPENERS = {"open", "read_text", "loads", "DictReader", "reader"}
# What defines the getters, and what opens the files for all others.
FIELDS, OPENING = LAYOUTS / "fields.py", {LAYOUTS / "__init__.py", LAYOUTS / "tables.py"}


def reading_functions(tree: ast.Module, path: Path) -> Iterator[ast.FunctionDef]:
    """Yield the reader of a dataset with all it calls in its file, or what a layout reads with."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if path.parent == LAYOUTS:
        yield from (function for name, function in functions.items() if "write" not in name)
        return
    pending = [
        name
        for name, function in functions.items()
        if any("reader" in ast.unparse(decorator) for decorator in function.decorator_list)
    ]
    seen: set[str] = set()
    while pending:
        if (name := pending.pop()) not in seen:
            seen.add(name)
            yield functions[name]
            names = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
            pending += names & functions.keys()


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def conversions(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the calls that convert a value of any type, and fields written into a text unread."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            mapped = called(node) == "map" and ast.unparse(node.args[0]) in CONVERSIONS
            if mapped or (isinstance(node.func, ast.Name) and node.func.id in CONVERSIONS):
                yield ast.unparse(node)
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Subscript):
            index = node.value.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, str):
                yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_reader_converts_a_value_of_a_release_itself(path: Path) -> None:
    if path == FIELDS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [call for function in reading_functions(tree, path) for call in conversions(function)]
    assert not found, f"{path}: read {found} with visionflan.layouts.fields"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_reader_opens_text_itself(path: Path) -> None:
    if path in OPENING:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        ast.unparse(node)
        for function in reading_functions(tree, path)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and called(node) in OPENERS
        and "rb" not in ast.unparse(node)
        and not ast.unparse(node.func).startswith(("tarfile", "(files("))
    ]
    assert not found, f"{path}: open {found} with visionflan.layouts"
