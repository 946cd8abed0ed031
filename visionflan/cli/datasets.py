"""List the academic datasets, or tell all that is known of one.

With --overlaps: which of them hold pictures or classes of evaluation sets, or of one another.
"""

import argparse
from typing import Any

from visionflan import catalog, overlaps
from visionflan.cli.shared import dataset_args as selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", nargs="?", help="tell all of this dataset")
    parser.add_argument(
        "--overlaps",
        action="store_true",
        help="list what datasets share with evaluation sets and with one another",
    )
    selection.add_dataset_file(parser)
    selection.add_json(parser)


def run(given: argparse.Namespace) -> int:
    """Print the listing, or one dataset."""
    selection.load_files(given)
    if given.overlaps:
        return print_overlaps(given.name, given.json)
    names = [given.name] if given.name else catalog.names()
    told = [describe(name) for name in names]
    if given.json:
        selection.print_json(told[0] if given.name else told)
    elif given.name:
        print_one(told[0])
    else:
        print_all(told)
    return 0


def describe(name: str) -> dict[str, Any]:
    """Give what a dataset file says of its dataset."""
    dataset = catalog.load(name)
    return {
        "name": name,
        "title": dataset.title,
        "homepage": dataset.homepage,
        "license": dataset.license,
        "commercial": dataset.commercial,
        "terms": dataset.terms,
        "layout": dataset.layout,
        "tasks": [f"{name}/{task}" for task in dataset.tasks],
        "citation": dataset.citation,
        "obtain": dataset.obtain,
        "tree": dataset.tree,
        "evidence": (catalog.module(name).__doc__ or "").strip(),
    }


def print_all(told: list[dict[str, Any]]) -> None:
    """Print a line for each dataset, and the counts."""
    width = max(len(dataset["name"]) for dataset in told)
    print(f"{'dataset':<{width}}  tasks  layout       license")
    for dataset in told:
        commercial = "" if dataset["commercial"] else "  (not commercial)"
        print(
            f"{dataset['name']:<{width}}  {len(dataset['tasks']):>5}  "
            f"{dataset['layout']:<11}  {dataset['license']}{commercial}"
        )
    tasks = sum(len(dataset["tasks"]) for dataset in told)
    unconfirmed = [dataset["name"] for dataset in told if dataset["layout"] == "unconfirmed"]
    print(f"\n{len(told)} datasets, {tasks} tasks; `visionflan datasets NAME` tells all of one.")
    if unconfirmed:
        print(f"No independent witness of the layout of: {', '.join(unconfirmed)}.")


def print_one(dataset: dict[str, Any]) -> None:
    """Print all that is known of one dataset."""
    commercial = "commercial use allowed" if dataset["commercial"] else "not for commercial use"
    print(dataset["evidence"])
    print(f"\nHomepage  {dataset['homepage']}")
    print(f"License   {dataset['license']} ({commercial}) {dataset['terms']}".rstrip())
    print(f"Cite      {dataset['citation']}")
    print(f"Obtain    {dataset['obtain']}")
    print(f"Layout    {dataset['layout']}\n\n{dataset['tree']}\n")
    print("Tasks     " + "\n          ".join(dataset["tasks"]))


def print_overlaps(name: str | None, as_json: bool) -> int:
    """Print what sets have in common: all pairs, or those of one set and what follows from them."""
    known = {*catalog.names(), *overlaps.EVALUATIONS, *overlaps.SOURCES}
    if name and name not in known:
        raise catalog.unknown_name_error("dataset", name, sorted(known))
    if as_json:
        pairs = overlaps.of(name) if name else overlaps.overlaps()
        selection.print_json([pair._asdict() for pair in pairs])
    else:
        print("\n".join(overlaps.told(name)))
    return 0
