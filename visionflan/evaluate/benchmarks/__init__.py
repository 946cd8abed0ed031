"""The benchmarks, one file or directory each, imported on demand."""

from collections.abc import Iterator
from functools import cache

from visionflan.catalog import unknown_name_error
from visionflan.errors import DefinitionError
from visionflan.evaluate.benchmark import Benchmark
from visionflan.plugins import PluginKind, load_each

BENCHMARKS = PluginKind("benchmark", "visionflan.benchmarks", __name__)


def names() -> list[str]:
    """Return the name of every benchmark without importing any of them."""
    return BENCHMARKS.names()


@cache
def load(name: str) -> Benchmark:
    """Import the file of one benchmark and return the `benchmark` it defines."""
    if name not in names():
        raise unknown_name_error("benchmark", name, names())
    benchmark: object = getattr(BENCHMARKS.import_module(name), "benchmark", None)
    if not isinstance(benchmark, Benchmark):
        raise DefinitionError(f"the file of the benchmark {name} must define one `benchmark`")
    return benchmark


def load_all() -> Iterator[tuple[str, Benchmark]]:
    """Yield every benchmark with its name; a broken one is left out with a warning."""
    yield from load_each(names(), load)
