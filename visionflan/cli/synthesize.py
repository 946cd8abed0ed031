"""Let a language model write instances from the human-labeled rows of a build.

The rows of an image, and the image itself with --with-images, are sent to an OpenAI-compatible
server. Replies that contradict a label, speak of annotations, refuse, are cut or repeat others are
dropped with a reason in the ledger. Run the same command again to resume: no reply is paid twice.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import add_names, positive_int
from visionflan.cli.shared.server_args import add_server_arguments, server_from
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.synthesize.plan import SynthesisPlan

KINDS = ("conversation", "detail", "reasoning", "rewrite")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("build", type=Path, help="build directory with the human-labeled rows")
    add(
        "--kind",
        choices=KINDS,
        required=True,
        help="several questions and answers, a detailed description, one question that needs "
        "reasoning, or a terse target in complete sentences",
    )
    add("--server", required=True, metavar="URL", help="URL of the server, up to its /v1")
    add(
        "--count",
        type=positive_int,
        required=True,
        metavar="K",
        help="number of instances to write",
    )
    add(
        "--held-out",
        type=int,
        default=0,
        metavar="N",
        help="number of instances to write from held-out images too, to evaluate on (default: 0)",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="build directory to write")
    add_names(
        parser,
        "--tasks",
        metavar="A/*",
        description="use the rows of these tasks only (default: all)",
    )
    add(
        "--with-images",
        action="store_true",
        help="send the image too, to a model that sees (to this machine, unless --send-images)",
    )
    add(
        "--prompts",
        type=Path,
        metavar="DIR",
        help="directory with changed prompts, such as conversation.md",
    )
    add(
        "--terms",
        default="",
        metavar="TEXT",
        help="terms of the model for what it writes, for the license of the build",
    )
    add(
        "--temperature",
        type=float,
        default=0.7,
        metavar="T",
        help="of sampling (default: %(default)s)",
    )
    add(
        "--max-new-tokens",
        type=positive_int,
        default=1024,
        metavar="N",
        help="maximum length of a reply (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="of the order of the images (default: %(default)s)")
    add(
        "--cache",
        type=Path,
        metavar="FILE",
        help="replies that were paid for (default: synthesize.sqlite beside --out)",
    )
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the build, or print what it would cost."""
    from visionflan.synthesize.run import result_lines, synthesize

    if not args.served_model:
        raise UsageError("`--server` needs `--model`: the model that the server is to use")
    if args.max_usd is not None and args.price_per_mtok is None:
        raise UsageError("`--max-usd` needs the prices of tokens: add `--price-per-mtok`")
    if args.held_out < 0:
        raise UsageError("`--held-out` must be at least 0")
    if not 0 <= args.temperature <= 2:
        raise UsageError("`--temperature` must be from 0 to 2")
    plan = plan_from(args)
    if args.dry_run:
        plan.check_images(log)
        print_estimate(plan)
        return 0
    log(*result_lines(synthesize(plan, log), args.count + args.held_out))
    return 0


def plan_from(args: argparse.Namespace) -> "SynthesisPlan":
    """Return the plan that the arguments describe."""
    from visionflan.storage.directory import BuildDirectory
    from visionflan.synthesize.plan import SynthesisPlan, SynthesisSettings

    names = SynthesisSettings.__dataclass_fields__
    settings = SynthesisSettings(**{name: getattr(args, name) for name in names})
    build = BuildDirectory(args.build)
    return SynthesisPlan(build, server_from(args), settings, args.out, args.cache)


def print_estimate(plan: "SynthesisPlan") -> None:
    """Print what the build would cost."""
    from visionflan.evaluate.judge.session import cost_line
    from visionflan.llm.budget import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE
    from visionflan.plural import counted
    from visionflan.synthesize.session import REQUESTS_PER_INSTANCE

    estimate = plan.estimate()
    log(
        f"{plan.out}: {counted(estimate.replies, 'reply')} needed, {estimate.cached:,} cached, "
        f"{counted(estimate.calls, 'call')} to make (up to {REQUESTS_PER_INSTANCE} an "
        f"instance where replies are dropped), {counted(estimate.prompt_tokens, 'prompt token')} "
        f"(characters / {CHARACTERS_PER_TOKEN}, {TOKENS_PER_IMAGE:,} an image), at most "
        f"{counted(estimate.max_completion_tokens, 'completion token')}",
        f"  {cost_line(estimate)}",
    )
