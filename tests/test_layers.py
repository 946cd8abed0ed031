"""Layers point one way, and the core stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "visionflan"

# Each layer may import those before it, and itself.
LAYERS = [
    {"errors", "hashing", "atomic_write"},
    {"image_sources"},
    {"drawing"},
    {"specimens", "negative_captions"},
    {"dataset"},
    {"layouts"},
    {"datasets"},
    {"catalog", "overlaps"},
    {"storage"},
    {"prompt"},
    {"builder"},
    {"authoring"},
    {"llm"},
    {"formats", "synthesize"},
    {"model"},
    {"train"},
    {"recipes"},
    {"evaluate"},
    {"compare"},
    {"analysis"},
    {"report", "web"},
    {"quickstart"},
    {"integrations"},
    {"cli"},
]
# What the command line, dataset files and builds may load beyond the standard library.
CORE_MAY_LOAD = {"visionflan", "PIL", "numpy", "pyarrow", "cython_runtime", "simplejpeg", "tqdm"}


def layer(module: str) -> int:
    """Return the index of the layer of a module."""
    part = module.split(".")[1]
    for index, names in enumerate(LAYERS):
        if part in names:
            return index
    raise AssertionError(f"{module} belongs to no layer: add it to LAYERS")


def imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, anywhere in the file."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "visionflan":
            modules |= {f"visionflan.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {name for name in modules if name.startswith("visionflan.")} - {"visionflan.__version__"}


FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_its_own_layer_and_those_before(path: Path) -> None:
    name = ".".join(("visionflan", *path.relative_to(PACKAGE).with_suffix("").parts))
    for imported in imports(path):
        assert layer(imported) <= layer(name), f"{name} must not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_holds_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages that a new process loads, without the standard library."""
    process = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {name.split(".")[0] for name in process.stdout.split()}
    return {name for name in packages if name not in sys.stdlib_module_names and name[0] != "_"}


def test_the_core_loads_nothing_heavy() -> None:
    loaded = loaded_by(
        "import visionflan.authoring.lint, visionflan.builder.run, visionflan.cli.build"
    )
    assert {"visionflan", "PIL"} <= loaded
    assert loaded - CORE_MAY_LOAD == set()


def test_help_loads_nothing_but_the_package() -> None:
    loaded = loaded_by("from visionflan.cli.main import overview\noverview().format_help()")
    assert loaded == {"visionflan"}
