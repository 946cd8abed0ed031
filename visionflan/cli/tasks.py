"""List the tasks, show finished examples of one, or write all to an HTML page."""

import argparse
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.preview import render_examples
from visionflan.cli.shared import dataset_args
from visionflan.dataset import Task
from visionflan.errors import ReleaseError, UsageError
from visionflan.plural import counted
from visionflan.reviews.catalog_reviews import read_review

NUM_EXAMPLES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "name", nargs="?", help="one task, as DATASET/TASK, or a dataset for all of its tasks"
    )
    source.add_argument(
        "--html", type=Path, metavar="FILE", help="write an HTML page with examples of each task"
    )
    parser.add_argument("--show", action="store_true", help="show three finished examples")
    parser.add_argument("--instructions", action="store_true", help="print only the instructions")
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="take the examples from the releases there instead of a specimen",
    )
    parser.add_argument(
        "--save-images", type=Path, metavar="DIR", help="save the images of --show there"
    )
    dataset_args.add_filters(parser)
    dataset_args.add_dataset_file(parser)
    dataset_args.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one task."""
    check_options(args)
    dataset_args.load_files(args)
    dataset_args.check_data_root(args.data_root)
    if args.html:
        from visionflan.report.catalog_page import write_catalog

        print(write_catalog(args.html, dataset_args.selected_tasks(args), args.data_root))
        return 0
    if args.name is None:
        print_all([describe(*task) for task in dataset_args.selected_tasks(args)], args)
        return 0
    dataset, _, name = args.name.partition("/")
    if not name:
        print_tasks_of(dataset, args)
        return 0
    if name not in catalog.load(dataset).tasks:
        raise catalog.unknown_name_error("task", args.name, catalog.task_names())
    review = read_review(args.name).status
    description = {**describe(dataset, catalog.load(dataset).tasks[name]), "review": review}
    if args.json:
        dataset_args.print_json(description)
    else:
        print_one(description)
    if args.show:
        print_examples(dataset, name, args)
    return 0


def print_tasks_of(dataset: str, args: argparse.Namespace) -> None:
    """Print the tasks of a dataset that was named without a task."""
    tasks = catalog.load(dataset).tasks.values()
    if args.show:
        names = ", ".join(f"{dataset}/{task.name}" for task in tasks)
        raise UsageError(f"`--show` shows one task, and {dataset} is a dataset: name {names}")
    print_all([describe(dataset, task) for task in tasks], args)


def check_options(args: argparse.Namespace) -> None:
    """Raise UsageError if an option would have no effect."""
    if args.show and not args.name:
        raise UsageError("`--show` needs the name of a task: name one, as DATASET/TASK")
    if args.save_images and not args.show:
        raise UsageError("`--save-images` saves the images of `--show`: add `--show`")


def describe(dataset: str, task: Task[Any]) -> dict[str, Any]:
    """Return the metadata that a task declares."""
    return {
        "name": f"{dataset}/{task.name}",
        "official_name": task.official_name,
        "title": task.title,
        "group": task.group,
        "category": task.category,
        "dataset": dataset,
        "instruction": task.instruction,
        "phrasings": list(task.phrasings),
        "metric": task.metric,
        "sensitive": task.sensitive,
    }


def print_all(tasks: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """Print a line for each task and the count, only the instructions, or JSON."""
    if args.json:
        dataset_args.print_json(tasks)
        return
    if args.instructions:
        print("\n".join(task["instruction"] for task in tasks))
        return
    width = max((len(task["name"]) for task in tasks), default=0)
    for task in tasks:
        mark = " (sensitive)" if task["sensitive"] else ""
        print(f"{task['name']:<{width}}  {task['title']}{mark}")
    count = counted(len(tasks), "task")
    print(f"\n{count}; `visionflan tasks NAME --show` shows examples of one.")


def print_one(task: dict[str, Any]) -> None:
    """Print all details of one task."""
    print(f"{task['title']}\n")
    for field in ("name", "official_name", "group", "category", "metric", "sensitive", "review"):
        print(f"{field.replace('_', ' '):<14}{task[field]}")
    instruction, *others = task["phrasings"]
    print(f"\nInstruction:\n{instruction}")
    for number, phrasing in enumerate(others, start=2):
        print(f"\nPhrasing {number}:\n{phrasing}")


def print_examples(dataset: str, name: str, args: argparse.Namespace) -> None:
    """Print finished examples of a task, and why rows were skipped; fail if there is none."""
    sample = render_examples(dataset, name, NUM_EXAMPLES, args.data_root)
    for number, example in enumerate(sample.previews, start=1):
        print(f"\n--- example {number}: {', '.join(example.sizes)}")
        print(f"{example.prompt}\n--> {example.answer}")
        if args.save_images:
            for path in example.save(args.save_images, f"{dataset}.{name}.{number}"):
                print(f"    {path}")
    if not sample.previews:
        reason = sample.skipped[0] if sample.skipped else "the task applies to none of its rows"
        raise ReleaseError(f"{dataset}/{name} has no usable row: {reason}")
    if sample.skipped:
        skipped = counted(len(sample.skipped), "unusable row")
        print(f"\nskipped {skipped}, such as {sample.skipped[0]}")
