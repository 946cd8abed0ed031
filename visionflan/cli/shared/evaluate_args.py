"""The arguments that say which questions are asked, and how."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.parsers import add_names, parse_names, positive_int
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.evaluate.plan import EvalSelection


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is asked: held-out questions of builds, or benchmarks."""
    parser.add_argument(
        "--build",
        type=Path,
        action="append",
        default=[],
        metavar="BUILD",
        help="what holds out the questions (those that the run was trained on)",
    )
    parser.add_argument(
        "--benchmarks",
        type=parse_names,
        default=(),
        metavar="A,B",
        help="ask these instead (`visionflan benchmarks` lists them)",
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="holds a folder for each benchmark"
    )
    parser.add_argument("--style", default="", metavar="NAME", help="how benchmarks are worded")
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks")
    parser.add_argument(
        "--conditions",
        nargs="+",
        choices=["true", "blank", "swapped"],
        help="which pictures are shown (all three; of benchmarks the true ones)",
    )
    parser.add_argument(
        "--limit",
        type=positive_int,
        metavar="N",
        help="about N items a task, in whole groups of images",
    )
    parser.add_argument(
        "--max-new-tokens", type=positive_int, metavar="N", help="(64, or what the benchmark sets)"
    )
    parser.add_argument(
        "--no-likelihood",
        dest="likelihood",
        action="store_false",
        help="do not weigh all answers of closed questions",
    )
    parser.add_argument(
        "--batch-size", type=positive_int, default=64, metavar="N", help="(%(default)s)"
    )


def selection_from(given: argparse.Namespace) -> "EvalSelection":
    """Read what is to be asked, and refuse what does not go together."""
    from visionflan.evaluate.plan import EvalSelection

    if given.benchmarks and given.data_root is None and not given.demo:
        raise UsageError("say with `--data-root` which folder holds the benchmarks")
    if not given.benchmarks and (given.style or given.data_root):
        raise UsageError("`--style` and `--data-root` are for `--benchmarks`, and none are named")
    if given.benchmarks and given.build:
        raise UsageError("`--build` is for held-out questions: ask benchmarks without it")

    return EvalSelection(
        builds=tuple(given.build),
        tasks=given.tasks,
        benchmarks=given.benchmarks,
        data_root=given.data_root,
        style=given.style,
        conditions=tuple(given.conditions) if given.conditions else None,
        limit=given.limit,
        max_new_tokens=given.max_new_tokens,
        batch_size=given.batch_size,
        likelihood=given.likelihood,
    )
