"""The arguments by which several commands choose datasets and tasks."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.dataset import CATEGORIES, Task


def add_dataset_file(parser: argparse.ArgumentParser) -> None:
    """Let the user add dataset files that are not installed."""
    parser.add_argument(
        "--dataset-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a dataset file of your own; may be given several times",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Let the user choose tasks by dataset, group and category."""
    parser.add_argument("--dataset", help="only the tasks of this dataset")
    parser.add_argument("--group", choices=sorted(set(CATEGORIES.values())))
    parser.add_argument("--category", choices=CATEGORIES, metavar="CATEGORY")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let the user have the listing as JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def load_files(given: argparse.Namespace) -> None:
    """Add the dataset files that the user named to the catalog."""
    for path in given.dataset_file:
        catalog.add_file(path)


def chosen_tasks(given: argparse.Namespace) -> list[tuple[str, Task[Any]]]:
    """Give the tasks that pass the filters, each with its dataset's name."""
    datasets = [given.dataset] if given.dataset else catalog.names()
    return [
        (name, task)
        for name in datasets
        for task in catalog.load(name).tasks.values()
        if given.group in (None, task.group) and given.category in (None, task.category)
    ]


def print_json(value: object) -> None:
    """Print a value as JSON that a person can read too."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()
