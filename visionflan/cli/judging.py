"""What commands say to and about judges: their arguments, the estimate and the coverage."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionflan.evaluate.judge.ask import Judged
    from visionflan.evaluate.judge.reply import Judge


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
    add(
        "--judge-limit-field",
        choices=["max_tokens", "max_completion_tokens"],
        default="max_tokens",
        help="what the server calls the most tokens of a reply",
    )
    add("--judge-cache", type=Path, metavar="FILE", help="replies that are kept (in the run)")
    add("--judge-dry-run", action="store_true", help="print what it would take, and ask nothing")


def prices(words: str) -> tuple[float, float]:
    """Read two prices."""
    prompt, completion = (float(word) for word in words.split(","))
    if not (prompt >= 0 and completion >= 0):
        raise ValueError(words)
    return prompt, completion


def judge_from(given: argparse.Namespace) -> "Judge | None":
    """Give the judge that is asked for, None where none is."""
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.reply import Prices

    if given.judge_local:
        from visionflan.evaluate.judge.local import LocalJudge

        return LocalJudge(given.judge_local, given.judge_device, template=given.judge_template)
    if not given.judge:
        return None
    if not given.judge_model:
        raise EvaluationError("say with `--judge-model` which model the judge's server is to use")
    from visionflan.evaluate.judge.client import HttpJudge, key_from

    return HttpJudge(
        given.judge,
        given.judge_model,
        key=key_from(given.judge_key_variable) if given.judge_key_variable else "",
        timeout=given.judge_timeout,
        prices=Prices(*given.judge_prices) if given.judge_prices else None,
        limit_field=given.judge_limit_field,
    )


def judge_evaluation(folder: Path, judge: "Judge", given: argparse.Namespace) -> "Judged | None":
    """Have an evaluation's answers judged; tell what it takes first, then what came of it.

    With a dry run nothing is asked. What is told goes where it does not mix with printed scores.
    """
    from visionflan.evaluate.judge.evaluation import Evaluation, coverage_lines, estimate_lines
    from visionflan.evaluate.judge.limits import Limits

    limits = Limits(
        calls=given.judge_max_calls, usd=given.judge_max_usd, workers=given.judge_workers
    )
    with closing(Evaluation(folder, judge, limits, given.judge_cache)) as evaluation:
        tell(estimate_lines(folder.name, evaluation.estimate()))
        if given.judge_dry_run:
            return None
        judged = evaluation.judge()
        tell(coverage_lines(folder.name, judged))
    return judged


def tell(lines: Iterable[str]) -> None:
    """Write lines where they do not mix with what is printed for programs."""
    for line in lines:
        sys.stderr.write(line + "\n")
