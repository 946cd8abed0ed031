"""The arguments that say which questions are asked, and how."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionflan.evaluate.plan import Wanted


def add_wanted(parser: argparse.ArgumentParser) -> None:
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
        "--benchmarks", metavar="A,B", help="ask these instead (`visionflan benchmarks` lists them)"
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="holds a folder for each benchmark"
    )
    parser.add_argument("--style", default="", metavar="NAME", help="how benchmarks are worded")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="A/*", help="these tasks only")
    parser.add_argument(
        "--conditions",
        nargs="+",
        choices=["true", "blank", "swapped"],
        help="which pictures are shown (all three; of benchmarks the true ones)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="about N items a task, in whole groups of images"
    )
    parser.add_argument(
        "--max-new-tokens", type=int, metavar="N", help="(64, or what the benchmark sets)"
    )
    parser.add_argument(
        "--no-likelihood",
        dest="likelihood",
        action="store_false",
        help="do not weigh all answers of closed questions",
    )
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")


def wanted_by(given: argparse.Namespace) -> "Wanted":
    """Read what is to be asked."""
    from visionflan.evaluate.plan import Wanted

    return Wanted(
        builds=tuple(given.build),
        tasks=tuple(given.tasks),
        benchmarks=tuple(given.benchmarks.split(",")) if given.benchmarks else (),
        data_root=given.data_root,
        style=given.style,
        conditions=tuple(given.conditions) if given.conditions else None,
        limit=given.limit,
        max_new_tokens=given.max_new_tokens,
        batch_size=given.batch_size,
        likelihood=given.likelihood,
    )
