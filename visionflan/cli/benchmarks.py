"""List the benchmarks, or tell of one which files it reads and how it asks.

Data is read from where its owners publish it; nothing is downloaded.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    from visionflan.cli.shared.dataset_args import add_json

    parser.add_argument("name", nargs="?", metavar="NAME", help="tell of this one")
    add_json(parser)


def run(given: argparse.Namespace) -> int:
    """Print one benchmark, or a line for each."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.evaluate import benchmarks

    names = [given.name] if given.name else benchmarks.names()
    told = {name: about(name) for name in names}
    if given.json:
        print_json(told)
        return 0
    for name, words in told.items():
        if given.name:
            print("\n".join(f"{what}: {word}" for what, word in words.items()))
        else:
            print(f"{name:<14}{words['title']} ({words['license']})")
    return 0


def about(name: str) -> dict[str, str]:
    """Tell what is known of a benchmark."""
    from inspect import cleandoc

    from visionflan.evaluate import benchmarks

    found = benchmarks.load(name)
    return {
        "title": found.title,
        "homepage": found.homepage,
        "license": found.license,
        "files": f"below DATA_ROOT/{name}/\n{cleandoc(found.layout)}",
        "prompt styles": ", ".join(found.styles),
        "measures": "; ".join(measure.name for measure in found.measures),
        "scored by": "a judge" if found.rubric and not found.rules else "rules",
    }
