"""Options of an evaluation that asks the model of a server."""

import argparse
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import positive_int
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.evaluate.plan import PlannedEvaluation
    from visionflan.evaluate.served_evaluation import ServerSettings

# Options that only a checkpoint has, with their defaults.
OF_CHECKPOINTS = {"stages": (), "device": "auto", "num_processes": 1, "engine": "transformers"}


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a server is called, and its limits."""
    from visionflan.evaluate.judge.openai_compatible import parse_prices

    group = parser.add_argument_group("a model behind an OpenAI-compatible server")
    add = group.add_argument
    add("--model", dest="served_model", metavar="NAME", help="model that the server is to use")
    add("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    add(
        "--workers",
        type=positive_int,
        default=16,
        metavar="N",
        help="number of requests sent at once (default: %(default)s)",
    )
    add(
        "--timeout",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="maximum duration of one reply (default: %(default)s)",
    )
    add("--max-calls", type=int, metavar="N", help="maximum number of calls")
    add("--max-tokens", type=int, metavar="N", help="maximum number of tokens, prompts included")
    add("--max-usd", type=float, metavar="X", help="maximum cost in US dollars")
    add(
        "--price-per-mtok",
        type=parse_prices,
        metavar="IN,OUT",
        help="US dollars per million prompt and completion tokens",
    )
    add(
        "--max-tokens-field",
        choices=["max_tokens", "max_completion_tokens"],
        default="max_tokens",
        help="request field for the token limit, which depends on the server (default: "
        "%(default)s)",
    )
    add(
        "--send-images",
        action="store_true",
        help="send images to a server on another machine, after their licenses are listed",
    )
    add(
        "--any-fingerprint",
        action="store_true",
        help="go on if only the system_fingerprint of responses changes",
    )
    add("--dry-run", action="store_true", help="print the estimated cost and call nothing")


def check_server_options(args: argparse.Namespace) -> None:
    """Raise UsageError if options of a server and of a checkpoint are mixed, or one is missing."""
    if args.server is None:
        check_no_server_options(args)
        return
    if not args.served_model:
        raise UsageError("`--server` needs `--model`: the model that the server is to use")
    if args.out is None:
        raise UsageError("`--server` needs `--out`, the directory for the records")
    for option, default in OF_CHECKPOINTS.items():
        if getattr(args, option) != default:
            name = option.replace("_", "-")
            raise UsageError(f"`--{name}` is for checkpoints: leave it out with `--server`")
    if args.max_usd is not None and args.price_per_mtok is None:
        raise UsageError("`--max-usd` needs the prices of tokens: add `--price-per-mtok`")


def check_no_server_options(args: argparse.Namespace) -> None:
    """Raise UsageError if an option of a server is set."""
    parser = argparse.ArgumentParser(add_help=False)
    add_server_arguments(parser)
    for action in parser._actions:
        if getattr(args, action.dest) != action.default:
            raise UsageError(f"`{action.option_strings[-1]}` needs `--server`, the URL of one")


def server_from(args: argparse.Namespace) -> "ServerSettings":
    """Return the server that the arguments describe."""
    from visionflan.evaluate.served_evaluation import ServerSettings
    from visionflan.llm.budget import Limits

    return ServerSettings(
        url=args.server,
        model=args.served_model,
        api_key_env=args.api_key_env or "",
        prices=args.price_per_mtok,
        timeout_s=args.timeout,
        max_tokens_field=args.max_tokens_field,
        limits=Limits(
            max_calls=args.max_calls,
            max_tokens=args.max_tokens,
            max_usd=args.max_usd,
            workers=args.workers,
        ),
        send_images=args.send_images,
        any_fingerprint=args.any_fingerprint,
    )


def print_estimates(server: "ServerSettings", planned: "list[PlannedEvaluation]") -> None:
    """Print what evaluations would cost."""
    from visionflan.evaluate.judge.session import cost_line
    from visionflan.evaluate.served_evaluation import estimate_served
    from visionflan.llm.budget import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE
    from visionflan.plural import counted

    for out, estimate in estimate_served(server, planned):
        log(
            f"{out}: {counted(estimate.replies, 'answer')} needed, {estimate.cached:,} stored, "
            f"{counted(estimate.calls, 'call')} to make, "
            f"{counted(estimate.prompt_tokens, 'prompt token')} (characters / "
            f"{CHARACTERS_PER_TOKEN}, {TOKENS_PER_IMAGE:,} an image), at most "
            f"{counted(estimate.max_completion_tokens, 'completion token')}",
            f"  {cost_line(estimate)}",
        )
