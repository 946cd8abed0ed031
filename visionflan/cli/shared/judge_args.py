"""What commands say to and about judges: their arguments, the estimate and the coverage."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log

if TYPE_CHECKING:
    from visionflan.evaluate.judge.base import Judge


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare who judges and within which limits."""
    group = parser.add_argument_group("judging what rules leave over")
    who = group.add_mutually_exclusive_group()
    who.add_argument("--judge", metavar="URL", help="an OpenAI-compatible server, up to its /v1")
    who.add_argument("--judge-local", type=Path, metavar="PATH", help="a text model in a folder")
    add = group.add_argument
    add("--judge-model", default="", metavar="NAME", help="the model that the server is to use")
    add("--judge-template", default="", metavar="NAME|FILE", help="a local model's chat template")
    add("--judge-device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--judge-key-variable", metavar="NAME", help="the environment variable that holds the key")
    add("--judge-prices", type=prices, metavar="IN,OUT", help="US dollars for a million tokens")
    add("--judge-max-calls", type=int, metavar="N", help="make no more calls than these")
    add("--judge-max-usd", type=float, metavar="X", help="pay no more than this")
    add("--judge-workers", type=int, default=4, metavar="N", help="calls at once (%(default)s)")
    add("--judge-timeout", type=float, default=120, metavar="SECONDS", help="(%(default)s)")
    fields = ["max_tokens", "max_completion_tokens"]
    add("--judge-limit-field", choices=fields, default=fields[0], help="the server's word for it")
    add("--judge-cache", type=Path, metavar="FILE", help="replies that are kept (in the run)")
    add("--judge-dry-run", action="store_true", help="print what it would take, and ask nothing")


def prices(words: str) -> tuple[float, float]:
    """Read two prices."""
    prompt, completion = (float(word) for word in words.split(","))
    if prompt >= 0 and completion >= 0:
        return prompt, completion
    raise ValueError(words)


def judge_from(given: argparse.Namespace) -> "Judge | None":
    """Give the judge that is asked for, None where none is."""
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.base import TokenPrices

    if given.judge_local:
        from visionflan.evaluate.judge.local import LocalJudge

        return LocalJudge(given.judge_local, given.judge_device, template=given.judge_template)
    if not given.judge:
        return None
    if not given.judge_model:
        raise EvaluationError("say with `--judge-model` which model the judge's server is to use")
    from visionflan.evaluate.judge.openai_compatible import OpenAICompatibleJudge, read_api_key

    return OpenAICompatibleJudge(
        given.judge,
        given.judge_model,
        key=read_api_key(given.judge_key_variable) if given.judge_key_variable else "",
        timeout=given.judge_timeout,
        prices=TokenPrices(*given.judge_prices) if given.judge_prices else None,
        limit_field=given.judge_limit_field,
    )


def judge_evaluations(folders: Sequence[Path], judge: "Judge", given: argparse.Namespace) -> None:
    """Have the answers of evaluations judged, all within the same limits.

    What it takes is told first; then, unless the run is dry, they are judged.
    """
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.budget import Budget, Limits
    from visionflan.evaluate.judge.session import (
        JudgingSession,
        coverage_lines,
        estimate_lines,
        stop_lines,
        total_lines,
    )

    calls, usd, workers = given.judge_max_calls, given.judge_max_usd, given.judge_workers
    budget = Budget(Limits(calls=calls, usd=usd, workers=workers), judge.prices)
    with ExitStack() as opened:
        made = [JudgingSession(folder, judge, budget, given.judge_cache) for folder in folders]
        evaluations = [opened.enter_context(closing(each)) for each in made]
        estimates = [evaluation.estimate() for evaluation in evaluations]
        for evaluation, told in zip(evaluations, estimates, strict=True):
            log(*estimate_lines(str(evaluation.folder), told))
        log(*total_lines(estimates))
        if given.judge_dry_run:
            return
        found = []
        for evaluation in evaluations:
            found.append(evaluation.judge())
            log(*coverage_lines(str(evaluation.folder), found[-1]))
        log(*stop_lines(found))
    reason = next((judged.stopped for judged in found if judged.stopped), "")
    if reason and not any(judged.models for judged in found):
        raise EvaluationError(f"nothing was judged: {reason}")
