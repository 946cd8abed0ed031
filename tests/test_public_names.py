"""`import visionflan` offers a fixed list of names, loaded lazily, each with an example."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import visionflan

API = Path(__file__).parents[1] / "docs/api.md"
PUBLIC = [
    "BrokenRow",
    "BuildDirectory",
    "BuildSettings",
    "Checkpoint",
    "Dataset",
    "EvalSelection",
    "Example",
    "Task",
    "TrainConfig",
    "VisionflanError",
    "run_build",
    "run_comparison",
    "run_evaluation",
    "run_export",
    "run_import",
    "run_training",
]
# In the order of docs/api.md: later examples use what earlier ones wrote.
WITH_EXAMPLES = [
    "run_build",
    "BuildDirectory",
    "run_export",
    "run_import",
    "run_training",
    "Checkpoint",
    "run_evaluation",
    "run_comparison",
]


def test_the_public_names_are_these() -> None:
    assert sorted(visionflan.__all__) == PUBLIC
    assert sorted(visionflan.MODULES) == PUBLIC
    tree = ast.parse(Path(str(visionflan.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        name.name: node.module.removeprefix("visionflan.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    assert typed == visionflan.MODULES


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_found_and_listed(name: str) -> None:
    assert getattr(visionflan, name).__name__ == name
    assert name in dir(visionflan)


def test_no_public_name_is_that_of_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(visionflan.__path__)}
    assert modules.isdisjoint(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'run_nothing'"):
        _ = visionflan.run_nothing


def test_every_name_loads_in_a_fresh_process_by_itself() -> None:
    code = "import sys, visionflan\nfor name in sys.argv[1:]: getattr(visionflan, name)"
    subprocess.run([sys.executable, "-c", code, *PUBLIC], check=True)


def test_every_function_and_the_main_classes_have_an_example() -> None:
    functions = {name for name in PUBLIC if name.startswith("run_")}
    assert functions <= set(WITH_EXAMPLES)
    assert all(
        ">>> " in (inspect.getdoc(getattr(visionflan, name)) or "") for name in WITH_EXAMPLES
    )


def run_examples() -> None:
    """Run the examples of all public names as one session in the current directory."""
    namespace: dict[str, Any] = {"Path": Path}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    texts = {name: inspect.getdoc(getattr(visionflan, name)) or "" for name in WITH_EXAMPLES}
    for name, text in {"docs/api.md": API.read_text(), **texts}.items():
        examples = parser.get_doctest(text, namespace, name, name, 0)
        examples.globs = namespace  # one session, so that later examples see earlier names
        results = runner.run(examples, clear_globs=False)
        assert results.attempted > 0
        assert results.failed == 0, name


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_examples()


def test_no_package_hides_a_function_once_it_is_imported() -> None:
    """A package of the same name as a function would hide the function."""
    before = {name: getattr(visionflan, name) for name in PUBLIC}
    for module in pkgutil.iter_modules(visionflan.__path__):
        if module.name != "__main__":
            importlib.import_module(f"visionflan.{module.name}")
    assert {name: getattr(visionflan, name) for name in PUBLIC} == before
