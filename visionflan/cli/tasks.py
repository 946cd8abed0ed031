"""List the tasks, show finished examples of one, or write all to a page."""

import argparse
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.preview import render_examples
from visionflan.cli.shared import dataset_args as selection

SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("name", nargs="?", help="one task, as DATASET/TASK")
    what.add_argument(
        "--page", type=Path, metavar="FILE", help="write one HTML page with an example of each task"
    )
    parser.add_argument("--show", action="store_true", help="render three finished examples")
    parser.add_argument("--words", action="store_true", help="print the instructions alone")
    parser.add_argument(
        "--data-root", type=Path, help="take the examples from the releases there, not a specimen"
    )
    parser.add_argument("--pictures", type=Path, help="keep the pictures of --show in this folder")
    selection.add_filters(parser)
    selection.add_dataset_file(parser)
    selection.add_json(parser)


def run(given: argparse.Namespace) -> int:
    """Print the listing, or one task."""
    selection.load_files(given)
    if given.page:
        from visionflan.report.catalog_page import write_catalog

        print(write_catalog(given.page, selection.chosen_tasks(given), given.data_root))
        return 0
    if given.name is None:
        print_all([describe(name, task) for name, task in selection.chosen_tasks(given)], given)
        return 0
    dataset, _, name = given.name.partition("/")
    if name not in catalog.load(dataset).tasks:
        raise catalog.unknown_name_error("task", given.name, catalog.task_names())
    task = catalog.load(dataset).tasks[name]
    if given.json:
        selection.print_json(describe(dataset, task))
    else:
        print_one(describe(dataset, task))
    if given.show:
        show(dataset, name, given)
    return 0


def describe(dataset: str, task: Any) -> dict[str, Any]:
    """Give what a task says of itself."""
    return {
        "name": f"{dataset}/{task.name}",
        "official_name": task.official_name,
        "title": task.title,
        "group": task.group,
        "category": task.category,
        "dataset": dataset,
        "instruction": task.instruction,
        "metric": task.metric,
        "sensitive": task.sensitive,
    }


def print_all(told: list[dict[str, Any]], given: argparse.Namespace) -> None:
    """Print a line for each task and the count, the words alone, or JSON."""
    if given.json:
        selection.print_json(told)
        return
    for task in told:
        mark = " (sensitive)" if task["sensitive"] else ""
        print(task["instruction"] if given.words else f"{task['name']}  {task['title']}{mark}")
    if not given.words:
        print(f"\n{len(told)} tasks; `visionflan tasks NAME --show` renders examples of one.")


def print_one(task: dict[str, Any]) -> None:
    """Print all that is known of one task."""
    print(f"{task['title']}\n")
    for field in ("name", "official_name", "group", "category", "metric", "sensitive"):
        print(f"{field.replace('_', ' '):<14}{task[field]}")
    print(f"\n{task['instruction']}")


def show(dataset: str, name: str, given: argparse.Namespace) -> None:
    """Print the first finished examples of a task."""
    for number, shown in enumerate(render_examples(dataset, name, SHOWN, given.data_root), start=1):
        print(f"\n--- example {number}: {', '.join(shown.sizes)}")
        print(f"{shown.prompt}\n--> {shown.answer}")
        if given.pictures:
            for path in shown.save(given.pictures, f"{dataset}.{name}.{number}"):
                print(f"    {path}")
