"""Compute the scores again from stored records, without the model that answered.

Takes a run, the folder of one evaluation, or its records, and rewrites `scores.json`. What only a
judge can score, or what rules leave over, is judged if one is named; it is asked nothing twice.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from visionflan.cli.shared.judge_args import add_judge_arguments, judge_evaluations, judge_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("records", type=Path, nargs="?", metavar="RECORDS|RUN")
    what.add_argument("--demo", action="store_true", help="two rules that never look, on specimens")
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    add_judge_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Judge where that is wanted, score, and print."""
    if given.demo:
        return demo(as_json=given.json)
    judge = judged(given)
    if given.judge_dry_run:
        return 0
    return scored(given.records, judge, as_json=given.json)


def judged(given: argparse.Namespace) -> str:
    """Have judged what needs it, if a judge is named; give the name of whose verdicts count."""
    judge = judge_from(given)
    if judge is None:
        name: str = given.judge_model
        return name
    from visionflan.errors import EvaluationError
    from visionflan.evaluate.judge.session import rubric_of
    from visionflan.evaluate.records.paths import evaluations

    folders = [folder for folder in evaluations(given.records) if rubric_of(folder)]
    if not folders:
        raise EvaluationError(f"rules alone score what is in {given.records}: it needs no judge")
    judge_evaluations(folders, judge, given)
    return judge.name


def demo(benchmarks: Sequence[str] = (), *, as_json: bool) -> int:
    """Score two models made of rules on specimens."""
    from visionflan.evaluate.demo import demo_run

    with demo_run(benchmarks) as records:
        return scored(records, as_json=as_json)


def scored(records: Path, judge: str = "", *, as_json: bool) -> int:
    """Score the evaluations that are there, and print."""
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.aggregate.suites import suites
    from visionflan.evaluate.records.paths import evaluations
    from visionflan.evaluate.run import rescore

    folders = evaluations(records)
    print_scores(
        [*(rescore(folder, judge) for folder in folders), *suites(folders)], as_json=as_json
    )
    return 0
