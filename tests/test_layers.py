"""Layers point one way, and the core stays light."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "visionflan"

# Each layer may import those before it, and itself.
LAYERS = [
    {"errors", "hashing", "atomic_write", "progress", "escaping", "plural", "python_source"},
    {"plugins", "executors", "stores"},
    {"parquet_cells"},
    {"image_sources", "image_urls"},
    {"image_pixels"},
    {"image_files"},
    {"drawing"},
    {"specimens"},
    {"vocabulary"},
    {"dataset"},
    {"dataset_code"},
    {"layouts"},
    {"datasets"},
    {"catalog", "overlaps"},
    {"dataset_files"},
    {"reviews"},
    {"storage"},
    {"prompt"},
    {"builder"},
    {"authoring"},
    {"llm"},
    {"formats"},
    {"model"},
    {"train"},
    {"diff", "fetch", "recipes", "select", "verify"},
    {"evaluate"},
    {"synthesize"},
    {"compare"},
    {"analysis"},
    {"report", "web"},
    {"quickstart"},
    {"integrations"},
    {"api"},
    {"cli"},
]
# The same inside `evaluate`; the longest matching name counts.
EVALUATE_LAYERS = [
    {"batch_size", "conditions", "metric"},
    {"metrics"},
    {"records"},
    {"aggregate"},
    {"judge.rubric"},
    {"benchmark", "benchmark_files"},
    {"rules"},
    {"benchmarks"},
    {"scorer"},
    {"aggregate.answer_stats", "aggregate.benchmark_scores", "aggregate.summary"},
    {"models"},
    {"requests"},
    {"inference"},
    {"concurrent_inference", "processes"},
    {"baselines"},
    {"phrasings"},
    {"held_out", "benchmark_release", "seen_images"},
    {"judge"},
    {"settings"},
    {"subject"},
    {"run"},
    {"plan"},
    {"image_policy"},
    {"stages", "served_evaluation"},
    {"torchrun"},
    {"demo"},
]
# What the command line, dataset files and builds may load beyond the standard library.
# pyarrow loads cloudpickle where it is installed.
CORE_MAY_LOAD = {
    *("visionflan", "PIL", "numpy", "pyarrow", "cython_runtime", "simplejpeg", "tqdm"),
    "cloudpickle",
}


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


def evaluate_layer(module: str) -> int:
    """Return the index of the layer of a module of `evaluate`, given by its name inside it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for index, names in enumerate(EVALUATE_LAYERS):
            if prefix in names:
                return index
    raise AssertionError(f"evaluate/{module} belongs to no layer: add it to EVALUATE_LAYERS")


def evaluate_imports(path: Path) -> set[str]:
    """Return the modules of `evaluate` that a file imports, by their names inside it."""
    inside = "visionflan.evaluate."
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}." == inside:
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(inside):
            modules.add(str(node.module).removeprefix(inside))
    return modules


FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_its_own_layer_and_those_before(path: Path) -> None:
    name = ".".join(("visionflan", *path.relative_to(PACKAGE).with_suffix("").parts))
    for imported in imports(path):
        assert layer(imported) <= layer(name), f"{name} must not import {imported}"


def module_name(path: Path) -> str:
    """Return the name of the module in a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported_files(path: Path, files: dict[str, Path]) -> set[str]:
    """Return the modules that a file imports, where `from a import b` may name the module a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules = {f"{node.module}.{name.name}" for name in node.names}
            names |= {name if name in files else str(node.module) for name in modules}
    return names & files.keys()


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {module_name(path): path for path in FILES}
    graph = {name: imported_files(path, files) - {name} for name, path in files.items()}
    assert any(graph.values())
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the files


EVALUATE = PACKAGE / "evaluate"


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EVALUATE.rglob("*.py") if path != EVALUATE / "__init__.py"),
    ids=lambda path: str(path.relative_to(EVALUATE)),
)
def test_a_file_of_evaluate_imports_only_its_own_layer_and_those_before(path: Path) -> None:
    parts = path.relative_to(EVALUATE).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    for imported in evaluate_imports(path):
        assert evaluate_layer(imported) <= evaluate_layer(name), (
            f"{name} must not import {imported}"
        )


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
