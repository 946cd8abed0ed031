"""Build, train, evaluate and report on miniature releases, in about ten minutes on two cores.

The releases are drawn in the official layouts of the datasets, with true labels; with --data-root
the same is done on real ones. Stopped at any moment, the same command goes on where it was.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.log import log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--out", type=Path, default=Path("quickstart"), metavar="RUN", help="(%(default)s)"
    )
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="real releases to use")


def run(given: argparse.Namespace) -> int:
    """Go the whole path, and say where the report is."""
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.records.paths import evaluations
    from visionflan.evaluate.run import rescore
    from visionflan.quickstart import quickstart
    from visionflan.report.compare_page.page import COMPARISON

    report = quickstart(given.out, given.data_root, log)
    print_scores([rescore(folder) for folder in evaluations(given.out)], as_json=False)
    print(f"\nThe report: {report.resolve().as_uri()}")
    changes = given.out.resolve() / COMPARISON / "compare.html"
    print(f"What the second stage changed: {changes.as_uri()}")
    print(f"Talk to it: visionflan chat {given.out}/chat/checkpoint PICTURE")
    return 0
