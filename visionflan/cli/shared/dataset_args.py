"""Arguments that select datasets and tasks, shared by several commands."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.dataset import Task
from visionflan.errors import VisionflanError
from visionflan.vocabulary import CATEGORIES


def add_dataset_file(parser: argparse.ArgumentParser) -> None:
    """Add the argument for dataset files that are not installed."""
    parser.add_argument(
        "--dataset-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="your own dataset file (repeatable)",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that filter tasks by dataset, group and category."""
    parser.add_argument("--dataset", metavar="NAME", help="only tasks of this dataset")
    groups = sorted(set(CATEGORIES.values()))
    parser.add_argument("--group", choices=groups, help="only tasks of this group")
    parser.add_argument(
        "--category", choices=CATEGORIES, metavar="CATEGORY", help="only tasks of this category"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the argument for output as JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def load_files(args: argparse.Namespace) -> None:
    """Add the dataset files of `--dataset-file` to the catalog."""
    for path in args.dataset_file:
        catalog.add_file(path)


def check_data_root(data_root: Path | None) -> None:
    """Raise VisionflanError if `--data-root` names no directory."""
    if data_root is not None and not data_root.is_dir():
        raise VisionflanError(f"{data_root} is not a directory: name one with --data-root")


def selected_tasks(args: argparse.Namespace) -> list[tuple[str, Task[Any]]]:
    """Return the tasks that pass the filters, each after the name of its dataset."""
    names = [args.dataset] if args.dataset else []
    datasets = [(name, catalog.load(name)) for name in names] or catalog.load_all()
    return [
        (name, task)
        for name, dataset in datasets
        for task in dataset.tasks.values()
        if args.group in (None, task.group) and args.category in (None, task.category)
    ]


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()
