"""List the benchmarks, or show the files and the prompt styles of one.

The files are read as their owners publish them; nothing is downloaded.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionflan.evaluate.benchmark import Benchmark


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    from visionflan.cli.shared.dataset_args import add_json

    parser.add_argument("name", nargs="?", metavar="NAME", help="show details of this benchmark")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the details of one benchmark, or one line per benchmark."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.evaluate import benchmarks

    loaded = [(args.name, benchmarks.load(args.name))] if args.name else benchmarks.load_all()
    details = {name: describe(name, benchmark) for name, benchmark in loaded}
    if args.json:
        print_json(details)
        return 0
    if args.name:
        print("\n".join(f"{field}: {text}" for field, text in details[args.name].items()))
    else:
        print_all(details)
    return 0


def print_all(details: dict[str, dict[str, str]]) -> None:
    """Print a line for each benchmark."""
    print(f"{'benchmark':<14}{'title':<14}{'scored by':<11}license")
    for name, fields in details.items():
        print(f"{name:<14}{fields['title']:<14}{fields['scored by']:<11}{fields['license']}")
    print("\n`visionflan benchmarks NAME` shows the files that one reads, and its metrics.")


def describe(name: str, benchmark: "Benchmark") -> dict[str, str]:
    """Return what a benchmark declares."""
    from inspect import cleandoc

    return {
        "title": benchmark.title,
        "homepage": benchmark.homepage,
        "license": benchmark.license,
        "files": f"below DATA_ROOT/{name}/\n{cleandoc(benchmark.layout)}",
        "prompt styles": ", ".join(benchmark.styles),
        "metrics": "; ".join(metric.name for metric in benchmark.measures),
        "scored by": "a judge" if benchmark.rubric and not benchmark.rules else "rules",
    }
