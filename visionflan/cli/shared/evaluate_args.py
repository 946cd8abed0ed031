"""Options that select the items of an evaluation and how the model is run on them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.parsers import add_names, positive_int
from visionflan.errors import UsageError
from visionflan.evaluate.conditions import CONDITIONS

if TYPE_CHECKING:
    from visionflan.evaluate.plan import EvalSelection


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select held-out tasks or benchmarks, and how they are asked."""
    add_item_arguments(parser)
    add_inference_arguments(parser)


def add_item_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the items of an evaluation."""
    parser.add_argument(
        "--build",
        type=Path,
        action="append",
        default=[],
        metavar="BUILD",
        help="build directory whose held-out instances are used "
        "(default: the builds the run was trained on)",
    )
    add_names(
        parser,
        "--benchmarks",
        metavar="NAME",
        description="evaluate these benchmarks instead (see `visionflan benchmarks`)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="directory with one subdirectory per benchmark, named as in `visionflan benchmarks`",
    )
    parser.add_argument(
        "--prompt-style",
        default="",
        metavar="NAME",
        help="prompt style of the benchmarks (default: the first of each)",
    )
    parser.add_argument(
        "--phrasings",
        choices=["first", "all"],
        default="first",
        help="`all` also asks held-out questions in the other phrasings of their task, with the "
        "original images, and reports how much the scores depend on them (default: %(default)s)",
    )
    parser.add_argument(
        "--include-trained-images",
        action="store_true",
        help="also ask held-out questions about images that the checkpoint was trained on, or that "
        "look like those (default: left out; benchmarks always include and count them)",
    )
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks")
    parser.add_argument(
        "--limit",
        type=positive_int,
        metavar="N",
        help="about N items per task, in complete clusters of images (default: all)",
    )


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that set how the model is run on the items."""
    add_names(
        parser,
        "--conditions",
        metavar="NAME",
        description=f"image conditions out of {', '.join(CONDITIONS)} "
        "(default: all; benchmarks: original images only)",
        choices=CONDITIONS,
    )
    parser.add_argument(
        "--max-new-tokens",
        type=positive_int,
        metavar="N",
        help="maximum number of tokens per answer (default: 64, or what the benchmark sets)",
    )
    parser.add_argument(
        "--no-loglikelihood",
        dest="loglikelihood",
        action="store_false",
        help="do not compute log-likelihoods of the answer candidates of closed questions",
    )
    parser.add_argument(
        "--batch-size",
        type=positive_int,
        default=64,
        metavar="N",
        help="requests per batch; halved when memory runs out (default: %(default)s)",
    )


def selection_from(args: argparse.Namespace) -> "EvalSelection":
    """Return the selection the user made; raise UsageError if options do not fit together."""
    from visionflan.evaluate.plan import EvalSelection

    if args.benchmarks and args.data_root is None:
        raise UsageError("`--benchmarks` needs `--data-root`, the directory with the benchmarks")
    if not args.benchmarks and (args.prompt_style or args.data_root):
        raise UsageError("`--prompt-style` and `--data-root` need `--benchmarks`: name some")
    if args.benchmarks and args.phrasings == "all":
        raise UsageError("`--phrasings all` is for held-out tasks: leave out `--benchmarks`")
    if args.benchmarks and args.build:
        raise UsageError("`--build` is for held-out tasks: leave it out with `--benchmarks`")

    return EvalSelection(
        builds=tuple(args.build),
        tasks=args.tasks,
        benchmarks=args.benchmarks,
        data_root=args.data_root,
        prompt_style=args.prompt_style,
        conditions=args.conditions or None,
        limit=args.limit,
        max_new_tokens=args.max_new_tokens,
        batch_size=args.batch_size,
        loglikelihood=args.loglikelihood,
        stages=args.stages,
        phrasings=args.phrasings,
        include_trained_images=args.include_trained_images,
        cache=args.cache,
        engine=getattr(args, "engine", "transformers"),
    )
