"""The benchmarks, one file or directory each, imported on demand."""

import pkgutil
from functools import cache

from visionflan.catalog import import_module_of, unknown_name_error
from visionflan.errors import DefinitionError
from visionflan.evaluate.benchmark import Benchmark

GROUP = "visionflan.benchmarks"


@cache
def installed_modules() -> dict[str, str]:
    """Return the modules of other packages' benchmarks by name."""
    from importlib.metadata import entry_points  # slow to import, and rarely needed

    return {entry.name: entry.module for entry in entry_points(group=GROUP)}


def names() -> list[str]:
    """Return the name of every benchmark without importing any of them."""
    ours = {module.name for module in pkgutil.iter_modules(__path__)}
    if both := ours & installed_modules().keys():
        raise DefinitionError(f"two benchmarks are named {', '.join(sorted(both))}: rename one")
    return sorted(ours | installed_modules().keys())


@cache
def load(name: str) -> Benchmark:
    """Import the file of one benchmark and return the `benchmark` it defines."""
    if name not in names():
        raise unknown_name_error("benchmark", name, names())
    module = import_module_of(
        "benchmark", name, installed_modules().get(name, f"{__name__}.{name}")
    )
    benchmark: object = getattr(module, "benchmark", None)
    if not isinstance(benchmark, Benchmark):
        raise DefinitionError(f"the file of the benchmark {name} must define one `benchmark`")
    return benchmark
