"""Build, train, evaluate and report on miniature releases, in about ten minutes on two cores.

The releases are drawn in the official layouts of the datasets, with correct labels; with
--data-root, real releases are used instead. If it is interrupted, run the same command again to
resume.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.dataset_args import check_data_root
from visionflan.cli.shared.log import log
from visionflan.compare import COMPARISON_DIR


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("quickstart"),
        metavar="RUN",
        help="run directory (default: %(default)s)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="use real releases: a directory with one subdirectory per dataset, named as in "
        "`visionflan datasets`",
    )


def run(args: argparse.Namespace) -> int:
    """Run the pipeline; print the scores and the paths of the reports."""
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.records.paths import evaluations
    from visionflan.evaluate.run import rescore
    from visionflan.quickstart import quickstart

    check_data_root(args.data_root)
    report = quickstart(args.out, args.data_root, log)
    print_scores([rescore(directory) for directory in evaluations(args.out)], as_json=False)
    print(f"\nReport: {report.resolve().as_uri()}")
    comparison = args.out.resolve() / COMPARISON_DIR / "compare.html"
    print(f"What stage 2 changed: {comparison.as_uri()}")
    print(f"Chat with the model: visionflan chat {args.out}/chat/checkpoint IMAGE")
    return 0
