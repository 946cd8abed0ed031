"""Select a part of a build as a list of rows that a training stage takes.

Rows are selected by hash, by the weights, temperature and maximum of a mixture of tasks, or so that
they cover the features in a file. A smaller selection is a prefix of a larger one. Train on a list
with `--set stages.STAGE.data.row_list=FILE`.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.parsers import add_names, positive_int
from visionflan.plural import counted

if TYPE_CHECKING:
    from visionflan.select.run import Selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("build", type=Path, nargs="?", help="build directory")
    source.add_argument("--demo", action="store_true", help="select from a build of the specimens")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="list of rows to write"
    )
    parser.add_argument("--rows", type=positive_int, metavar="N", help="number of rows to select")
    parser.add_argument(
        "--fraction", type=float, metavar="F", help="share of the rows to select, instead of --rows"
    )
    parser.add_argument(
        "--split",
        choices=["train", "held_out"],
        default="train",
        help="split to select from (default: %(default)s)",
    )
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks (default: all)")
    add_names(
        parser,
        "--weights",
        metavar="A/*:2",
        description="factors on the rates of tasks; 0 leaves a task out",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        metavar="T",
        help="1: rates by the sizes of tasks (default), a large number: equal rates; with "
        "--features, of clusters (default: equal rates)",
    )
    parser.add_argument(
        "--max-per-task", type=positive_int, metavar="N", help="maximum number of rows per task"
    )
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FILE.npy",
        help="cover these features, a matrix with one row for each id",
    )
    parser.add_argument(
        "--ids", type=Path, metavar="FILE", help="the ids of the rows of the features, one a line"
    )
    parser.add_argument(
        "--clusters",
        type=positive_int,
        metavar="K",
        help="number of clusters of features (default: the square root of the number of rows)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the counts by task as JSON")


def run(args: argparse.Namespace) -> int:
    """Select rows of a build, or of a build of the specimens."""
    if not args.demo:
        return select(args.build, args)
    from visionflan.builder.demo import demo_build

    with demo_build() as build:
        return select(build, args)


def select(path: Path, args: argparse.Namespace) -> int:
    """Write the list and print what it has of each task."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.select.run import SelectionSettings, select_rows
    from visionflan.storage.directory import BuildDirectory

    names = SelectionSettings.__dataclass_fields__
    settings = SelectionSettings(**{name: getattr(args, name) for name in names})
    selection = select_rows(BuildDirectory(path), args.out, settings)
    if args.json:
        print_json({"file": str(args.out), **selection._asdict()})
    else:
        print_selection(selection, args.out)
    return 0


def print_selection(selection: "Selection", out: Path) -> None:
    """Print a table of the tasks, and the total."""
    width = max(len("task"), *map(len, selection.available))
    print(f"{'task':{width}} {'available':>10} {'selected':>10} {'share':>8}")
    for task, available in selection.available.items():
        number = selection.selected[task]
        print(f"{task:{width}} {available:>10,} {number:>10,} {number / available:>8.2%}")
    total, available = (sum(x.values()) for x in (selection.selected, selection.available))
    print(f"\n{out}: {counted(total, 'row')} of {available:,}, by {selection.method}")
