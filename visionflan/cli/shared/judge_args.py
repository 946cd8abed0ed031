"""Options of commands that use a judge, and the estimate and coverage that they print."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log

if TYPE_CHECKING:
    from visionflan.evaluate.judge.runner import JudgingResult
    from visionflan.evaluate.judge.session import JudgingSession
    from visionflan.llm.base import LlmClient
    from visionflan.llm.batch import CallGuard


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the judge and its limits."""
    from visionflan.evaluate.judge import judge_kinds

    group = parser.add_argument_group("LLM judge for answers that rules cannot parse")
    choice = group.add_mutually_exclusive_group()
    add = group.add_argument
    for kind in judge_kinds():
        kind.add_arguments(choice, group)
    add(
        "--judge-model",
        default="",
        metavar="NAME",
        help="model that the server is to use; without --judge: the judge whose verdicts count",
    )
    add("--judge-max-calls", type=int, metavar="N", help="maximum number of judge calls")
    add("--judge-max-usd", type=float, metavar="X", help="maximum cost in US dollars")
    add(
        "--judge-workers",
        type=int,
        default=4,
        metavar="N",
        help="number of concurrent calls (default: %(default)s)",
    )
    add(
        "--judge-cache",
        type=Path,
        metavar="FILE",
        help="cache of replies (default: judge.sqlite next to the evaluations)",
    )
    add("--judge-dry-run", action="store_true", help="print the estimated cost and call nothing")


def judge_from(args: argparse.Namespace) -> "LlmClient | None":
    """Return the judge that the arguments describe, None if there is none."""
    from visionflan.evaluate.judge import judge_kinds

    judges = (kind.from_arguments(args) for kind in judge_kinds())
    return next((judge for judge in judges if judge is not None), None)


def guard_from(args: argparse.Namespace, judge: "LlmClient") -> "CallGuard":
    """Return the limits on calls that the arguments describe."""
    from visionflan.errors import EvaluationError
    from visionflan.llm.batch import CallGuard
    from visionflan.llm.budget import Budget, Limits

    if args.judge_max_usd is not None and judge.prices is None:
        raise EvaluationError(
            "--judge-max-usd needs the judge's prices: add --judge-price-per-mtok"
        )
    limits = Limits(
        max_calls=args.judge_max_calls, max_usd=args.judge_max_usd, workers=args.judge_workers
    )
    return CallGuard(Budget(limits, judge.prices))


def judge_evaluations(
    directories: Sequence[Path], judge: "LlmClient", args: argparse.Namespace
) -> None:
    """Judge the answers of evaluations, all within the same limits; a dry run only estimates."""
    from visionflan.evaluate.judge.session import JudgingSession, estimate_lines, total_lines

    guard = guard_from(args, judge)
    with ExitStack() as stack:
        sessions = []
        for directory in directories:
            session = JudgingSession(directory, judge, guard, args.judge_cache)
            sessions.append(stack.enter_context(closing(session)))
        estimates = [session.estimate() for session in sessions]
        for session, estimate in zip(sessions, estimates, strict=True):
            log(*estimate_lines(str(session.directory), estimate))
        log(*total_lines(estimates))
        if not args.judge_dry_run:
            check_any_judged([judge_session(session) for session in sessions])


def judge_session(session: "JudgingSession") -> "JudgingResult":
    """Judge one evaluation and print the coverage."""
    from visionflan.evaluate.judge.session import coverage_lines

    result = session.judge()
    log(*coverage_lines(str(session.directory), result))
    return result


def check_any_judged(results: "Sequence[JudgingResult]") -> None:
    """Print why judging stopped, if it did; raise EvaluationError if there is no verdict at all."""
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.session import stop_lines

    log(*stop_lines(results))
    reason = next((result.stop_reason for result in results if result.stop_reason), "")
    if reason and not any(result.models for result in results):
        raise EvaluationError(f"nothing was judged: {reason}")
