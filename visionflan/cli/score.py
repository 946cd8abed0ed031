"""Compute the scores again from stored records, without the model that answered.

Reads a run, an evaluation directory, or its records, and rewrites `scores.json`. Answers that rules
cannot parse are judged by an LLM if one is named; verdicts that it has given are reused.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from visionflan.cli.shared.demo_options import check_demo_options
from visionflan.cli.shared.judge_args import add_judge_arguments, judge_evaluations, judge_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "records",
        type=Path,
        nargs="?",
        metavar="RECORDS|RUN",
        help="an evaluated run, an evaluation directory, or its records.parquet",
    )
    source.add_argument(
        "--demo",
        action="store_true",
        help="score two rule-based models that ignore the image, on generated data",
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    add_judge_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Judge if asked to, score, and print."""
    if args.demo:
        check_demo_options(args, add_arguments, ("json",))
        return score_demo(as_json=args.json)
    judge = judge_if_named(args)
    if args.judge_dry_run:
        return 0
    return score(args.records, judge, as_json=args.json)


def judge_if_named(args: argparse.Namespace) -> str:
    """Judge the answers that need it, if a judge is named; return whose verdicts count."""
    judge = judge_from(args)
    if judge is None:
        name: str = args.judge_model
        return name
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.session import rubric_of
    from visionflan.evaluate.records.paths import evaluations

    directories = [directory for directory in evaluations(args.records) if rubric_of(directory)]
    if not directories:
        raise EvaluationError(
            f"the evaluations in {args.records} are scored by rules alone and need no judge"
        )
    judge_evaluations(directories, judge, args)
    return judge.name


def score_demo(benchmarks: Sequence[str] = (), *, as_json: bool) -> int:
    """Score two rule-based models on generated data."""
    from visionflan.evaluate.demo import demo_run

    with demo_run(benchmarks) as records:
        return score(records, as_json=as_json)


def score(records: Path, judge: str = "", *, as_json: bool) -> int:
    """Score the evaluations in a path, and print the scores."""
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.aggregate.suites import suites
    from visionflan.evaluate.records.paths import evaluations
    from visionflan.evaluate.run import rescore

    directories = evaluations(records)
    scores = [rescore(directory, judge) for directory in directories]
    print_scores([*scores, *suites(directories)], as_json=as_json)
    return 0
