"""Run a checkpoint or a server on held-out tasks or benchmarks, store and score every answer.

Without `--benchmarks` the items are the held-out instances of the run's builds, each with its own
image, with a gray image of the same size, and with the image of another item, so that the scores
show whether the model uses the images. If it is interrupted, run the same command again to resume.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.demo_options import check_demo_options
from visionflan.cli.shared.evaluate_args import add_selection_arguments, selection_from
from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import add_names, process_count
from visionflan.cli.shared.server_args import (
    add_server_arguments,
    check_server_options,
    print_estimates,
    server_from,
)
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.evaluate.plan import EvalSelection
    from visionflan.evaluate.run import EvaluationResult


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
        "--server",
        metavar="URL",
        help="base URL of an OpenAI-compatible server, up to its /v1, whose model (`--model`) is "
        "evaluated on `--build` or `--benchmarks`",
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
    parser.add_argument(
        "--engine",
        choices=["transformers", "vllm"],
        default="transformers",
        help="what generates the answers; vllm computes no log-likelihoods (default: %(default)s)",
    )
    parser.add_argument(
        "--num-processes",
        type=process_count,
        default=1,
        metavar="N",
        help="answer in N processes of torchrun, each with a GPU of its own or on the CPU "
        "(default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate, and print the scores of each stage."""
    from visionflan.cli.score import score_demo
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.aggregate.suites import suites
    from visionflan.evaluate.processes import is_main_process
    from visionflan.evaluate.served_evaluation import evaluate_served, plan_served

    if args.demo:
        check_demo_options(args, add_arguments, ("benchmarks", "json"))
        return score_demo(args.benchmarks, as_json=args.json)
    check_server_options(args)
    selection = selection_from(args)
    if args.dry_run:
        server = server_from(args)
        print_estimates(server, plan_served(server, selection, args.out, log))
        return 0
    if args.server is not None:
        results = evaluate_served(server_from(args), selection, args.out, log)
    else:
        results = evaluate_checkpoint(args, selection)
    if not is_main_process():
        return 0
    averages = suites([result.directory for result in results])
    print_scores([*(result.scores for result in results), *averages], as_json=args.json)
    return 0


def evaluate_checkpoint(
    args: argparse.Namespace, selection: "EvalSelection"
) -> "list[EvaluationResult]":
    """Evaluate a checkpoint in this process, or in several that torchrun starts."""
    from visionflan.evaluate.processes import is_main_process, num_processes
    from visionflan.evaluate.stages import evaluate_stages
    from visionflan.evaluate.torchrun import evaluate_in_processes

    if args.engine == "vllm" and max(args.num_processes, num_processes()) > 1:
        raise UsageError("`--engine vllm` runs in one process: leave out `--num-processes`")
    if args.num_processes > 1 and num_processes() == 1:
        return evaluate_in_processes(
            args.model, selection, args.out, args.device, args.num_processes, log
        )
    lines = log if is_main_process() else lambda *_: None
    return evaluate_stages(args.model, selection, args.out, args.device, lines)
