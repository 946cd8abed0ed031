"""A judge behind an OpenAI-compatible server."""

import argparse

from visionflan.errors import EvaluationError
from visionflan.llm.base import LlmClient, TokenPrices


def add_arguments(choice: argparse._MutuallyExclusiveGroup, group: argparse._ArgumentGroup) -> None:
    """Declare the server and how it is called."""
    choice.add_argument(
        "--judge", metavar="URL", help="base URL of an OpenAI-compatible server, up to its /v1"
    )
    add = group.add_argument
    add("--judge-api-key-env", metavar="NAME", help="environment variable that holds the API key")
    add(
        "--judge-price-per-mtok",
        type=parse_prices,
        metavar="IN,OUT",
        help="US dollars per million prompt and completion tokens",
    )
    add(
        "--judge-timeout",
        type=float,
        default=120,
        metavar="SECONDS",
        help="maximum duration of one reply (default: %(default)s)",
    )
    add(
        "--judge-max-tokens-field",
        choices=["max_tokens", "max_completion_tokens"],
        default="max_tokens",
        help="request field for the token limit, which depends on the server (default: "
        "%(default)s)",
    )


def from_arguments(args: argparse.Namespace) -> LlmClient | None:
    """Return the judge at `--judge`, None without it."""
    if not args.judge:
        return None
    if not args.judge_model:
        raise EvaluationError("--judge needs --judge-model: the model that the server is to use")
    from visionflan.llm.openai_compatible import OpenAICompatibleClient, read_api_key

    return OpenAICompatibleClient(
        args.judge,
        args.judge_model,
        api_key=read_api_key(args.judge_api_key_env) if args.judge_api_key_env else "",
        timeout_s=args.judge_timeout,
        prices=args.judge_price_per_mtok,
        max_tokens_field=args.judge_max_tokens_field,
    )


def parse_prices(text: str) -> TokenPrices:
    """Parse two prices, `IN,OUT`."""
    prompt, completion = (float(price) for price in text.split(","))
    if prompt >= 0 and completion >= 0:
        return TokenPrices(prompt, completion)
    raise ValueError(text)
