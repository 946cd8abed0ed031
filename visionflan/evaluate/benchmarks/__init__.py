"""The benchmarks, one file or directory each, imported on demand."""

import pkgutil
from functools import cache

from visionflan.catalog import (
    distinct_names,
    entry_point_modules,
    import_module_of,
    unknown_name_error,
)
from visionflan.errors import DefinitionError
from visionflan.evaluate.benchmark import Benchmark

GROUP = "visionflan.benchmarks"


@cache
def installed_modules() -> dict[str, str]:
    """Return the modules of other packages' benchmarks by name."""
    return entry_point_modules(GROUP)


def names() -> list[str]:
    """Return the name of every benchmark without importing any of them."""
    ours = {module.name for module in pkgutil.iter_modules(__path__)}
    return distinct_names("benchmarks", ours, installed_modules())


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
