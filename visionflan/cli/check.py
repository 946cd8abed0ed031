"""Check dataset files for problems in their text, their code and their specimens."""

import argparse
from collections import Counter
from pathlib import Path

from visionflan import catalog
from visionflan.authoring import lint, spelling
from visionflan.cli.shared import dataset_args
from visionflan.cli.shared.log import log
from visionflan.errors import ReleaseError
from visionflan.plural import counted
from visionflan.reviews.catalog_reviews import dataset_reviews
from visionflan.reviews.task_review import STATE_LABELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", nargs="*", help="datasets to check (default: all)")
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="also read the releases there, and report broken rows and tasks without examples",
    )
    parser.add_argument(
        "--reviews",
        action="store_true",
        help="list the tasks without an accepted review instead, and check nothing",
    )
    dataset_args.add_dataset_file(parser)
    dataset_args.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings and return 1 if there are any."""
    dataset_args.load_files(args)
    names = args.names or [path.stem for path in args.dataset_file] or catalog.names()
    for name in set(names) - set(catalog.names()):
        raise catalog.unknown_name_error("dataset", name, catalog.names())
    check_releases(args.data_root, names)
    if args.reviews:
        print_reviews(names, args)
        return 0
    if spelling.typos_path() is None:
        log("spelling is not checked: that needs pip install 'visionflan[check]'")
    findings = lint.check(names, args.data_root)
    if args.json:
        dataset_args.print_json([finding._asdict() for finding in findings])
        return int(bool(findings))
    for finding in findings:
        print(f"{finding.location}: {finding.code}: {finding.message}")
    broken = {finding.location for finding in findings if finding.code == "broken_file"}
    tasks = sum(len(catalog.load(name).tasks) for name in names if name not in broken)
    print(
        f"{counted(len(names), 'dataset file')} and {counted(tasks, 'task')} checked: "
        f"{counted(len(findings), 'finding')}."
    )
    unusable = broken | {one.location for one in findings if one.code == "damaged_review"}
    summary = review_summary([name for name in names if name not in unusable])
    print(f"{summary}; `visionflan check --reviews` lists what is not accepted.")
    return int(bool(findings))


def check_releases(data_root: Path | None, names: list[str]) -> None:
    """Raise VisionflanError if a data root has the release of none of some datasets."""
    dataset_args.check_data_root(data_root)
    if data_root is not None and not any((data_root / name).is_dir() for name in names):
        wanted = names[0] if len(names) == 1 else "a checked dataset"
        raise ReleaseError(
            f"{data_root} has no release of {wanted}: "
            "name the directory that has a subdirectory for each dataset with --data-root"
        )


def print_reviews(names: list[str], args: argparse.Namespace) -> None:
    """Print the tasks without an accepted review, or all reviews as JSON."""
    reviews = [review for name in names for review in dataset_reviews(name)]
    if args.json:
        dataset_args.print_json([review.as_json() for review in reviews])
        return
    for review in reviews:
        if review.state != "accepted":
            print(f"{review.task}: {review.status}")
    print(f"{review_summary(names)}.")


def review_summary(names: list[str]) -> str:
    """Return how many tasks of some datasets are in each state of review."""
    states = Counter(review.state for name in names for review in dataset_reviews(name))
    counts = [f"{states[state]:,} {label}" for state, label in STATE_LABELS.items()]
    return f"Reviews: {', '.join(counts)}"
