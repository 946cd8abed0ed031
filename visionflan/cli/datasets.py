"""List the academic datasets, or show all details of one.

With --overlaps: which of them share images or classes with evaluation sets, or with one another.
"""

import argparse
from typing import Any

from visionflan import catalog, overlaps
from visionflan.cli.shared import dataset_args
from visionflan.dataset import Dataset
from visionflan.plural import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", nargs="?", help="show all details of this dataset")
    parser.add_argument(
        "--overlaps",
        action="store_true",
        help="list what datasets share with evaluation sets and with one another",
    )
    dataset_args.add_dataset_file(parser)
    dataset_args.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one dataset."""
    dataset_args.load_files(args)
    if args.overlaps:
        return print_overlaps(args.name, args.json)
    loaded = [(args.name, catalog.load(args.name))] if args.name else catalog.load_all()
    datasets = [describe(name, dataset) for name, dataset in loaded]
    if args.json:
        dataset_args.print_json(datasets[0] if args.name else datasets)
    elif args.name:
        print_one(datasets[0])
    else:
        print_all(datasets)
    return 0


def describe(name: str, dataset: Dataset[Any]) -> dict[str, Any]:
    """Return the metadata that a dataset file declares."""
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


def print_all(datasets: list[dict[str, Any]]) -> None:
    """Print a line for each dataset, and the counts."""
    width = max(len(dataset["name"]) for dataset in datasets)
    titles = max(len(dataset["title"]) for dataset in datasets)
    print(f"{'dataset':<{width}}  {'title':<{titles}}  tasks  license")
    for dataset in datasets:
        commercial = "" if dataset["commercial"] else "  (not commercial)"
        print(
            f"{dataset['name']:<{width}}  {dataset['title']:<{titles}}  "
            f"{len(dataset['tasks']):>5}  {dataset['license']}{commercial}"
        )
    tasks = sum(len(dataset["tasks"]) for dataset in datasets)
    unconfirmed = [dataset["name"] for dataset in datasets if dataset["layout"] == "unconfirmed"]
    counts = f"{counted(len(datasets), 'dataset')}, {counted(tasks, 'task')}"
    print(f"\n{counts}; `visionflan datasets NAME` shows one.")
    if unconfirmed:
        print(f"Layout not confirmed by an independent source: {', '.join(unconfirmed)}.")


def print_one(dataset: dict[str, Any]) -> None:
    """Print all details of one dataset."""
    commercial = "commercial use allowed" if dataset["commercial"] else "not for commercial use"
    print(dataset["evidence"])
    print(f"\nHomepage  {dataset['homepage']}")
    print(f"License   {dataset['license']} ({commercial})")
    if dataset["terms"]:
        print(f"Terms     {dataset['terms']}")
    print(f"Cite      {dataset['citation']}")
    print(f"Obtain    {dataset['obtain']}")
    print(f"Layout    {dataset['layout']}\n\n{dataset['tree']}\n")
    print("Tasks     " + "\n          ".join(dataset["tasks"]))


def print_overlaps(name: str | None, as_json: bool) -> int:
    """Print the overlaps of all pairs of sets, or the direct and indirect ones of one set."""
    known = {*catalog.names(), *overlaps.EVALUATIONS, *overlaps.SOURCES}
    if name and name not in known:
        raise catalog.unknown_name_error("dataset", name, sorted(known))
    if as_json:
        pairs = overlaps.overlaps_of(name) if name else overlaps.overlaps()
        dataset_args.print_json([pair._asdict() for pair in pairs])
    else:
        print("\n".join(overlaps.describe_overlaps(name)))
    return 0
