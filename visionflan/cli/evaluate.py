"""Run a checkpoint on held-out tasks or benchmarks, store every answer, and score them.

Without `--benchmarks` the items are the held-out instances of the run's builds, each with its own
image, with a gray image of the same size, and with the image of another item, so that the scores
show whether the model uses the images. If it is interrupted, run the same command again to resume.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.demo_options import check_demo_options
from visionflan.cli.shared.evaluate_args import add_selection_arguments, selection_from
from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import add_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument(
        "model",
        type=Path,
        nargs="?",
        metavar="CKPT|RUN",
        help="a checkpoint directory, or a run with its stages; name it before a list such as "
        "`--tasks A B`",
    )
    subject.add_argument(
        "--demo",
        action="store_true",
        help="evaluate two rule-based models that ignore the image, on generated data",
    )
    add_selection_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="directory for the records (default: in the run)"
    )
    add_names(
        parser,
        "--stages",
        metavar="STAGE",
        description="stages of the run (default: base and chat)",
    )
    parser.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="ignore cached answers and generate them again",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="auto",
        help="where the model runs (default: a GPU if there is one)",
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")


def run(args: argparse.Namespace) -> int:
    """Evaluate, and print the scores of each stage."""
    from visionflan.api.runs import run_evaluation
    from visionflan.cli.score import score_demo
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.aggregate.suites import suites

    if args.demo:
        check_demo_options(args, add_arguments, ("benchmarks", "json"))
        return score_demo(args.benchmarks, as_json=args.json)
    selection = selection_from(args)
    results = run_evaluation(args.model, selection, out=args.out, device=args.device, log=log)
    averages = suites([result.directory for result in results])
    print_scores([*(result.scores for result in results), *averages], as_json=args.json)
    return 0
