"""Compute the scores again from stored records, without a model.

Takes a run, the folder of one evaluation, or its records, and rewrites `scores.json`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLUMNS = ("score", "official", "likelihood", "blank", "swapped", "chance", "majority")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("records", type=Path, nargs="?", metavar="RECORDS|RUN")
    what.add_argument("--demo", action="store_true", help="two rules that never look, on specimens")
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")


def run(given: argparse.Namespace) -> int:
    """Score, and print."""
    return demo(as_json=given.json) if given.demo else scored(given.records, as_json=given.json)


def demo(benchmarks: Sequence[str] = (), *, as_json: bool) -> int:
    """Score two models made of rules on specimens."""
    from visionflan.evaluate.demo import demo_run

    with demo_run(benchmarks) as records:
        return scored(records, as_json=as_json)


def scored(records: Path, *, as_json: bool) -> int:
    """Score the evaluations that are there, and print."""
    from visionflan.evaluate.places import evaluations
    from visionflan.evaluate.run import rescore
    from visionflan.evaluate.suites import suites

    folders = evaluations(records)
    show([*map(rescore, folders), *suites(folders)], as_json=as_json)
    return 0


def show(scores: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print scores as JSON, or as one table for each phase and benchmark."""
    from visionflan.cli.measures import show_measures, show_suite
    from visionflan.cli.selection import print_json

    if as_json:
        print_json(scores[0] if len(scores) == 1 else scores)
        return
    for told in scores:
        if "suite" in told:
            show_suite(told)
            continue
        name = f"{told['title']}, " if "title" in told else ""
        print(
            f"\n{name}{told['phase']} ({told['checkpoint'][:12]}), {told['records']} answers",
            end="",
        )
        print(f", {told['failed']} failed" if told["failed"] else "")
        if "measures" in told:
            show_measures(told)
        else:
            show_tasks(told)


def show_tasks(told: dict[str, Any]) -> None:
    """Print the scores of held-out tasks beside their controls."""
    rows = {**told["groups"], **told["tasks"]}
    width = max(map(len, rows))
    print(f"{'':{width}}  {'score':>6} {'95 % interval':>15}", *(f"{c:>10}" for c in COLUMNS[1:]))
    for name, row in rows.items():
        print(f"{name:{width}}  {line(row)}")


def line(row: dict[str, Any]) -> str:
    """Give one row of the table; what has no meaning is a dash."""
    means = [f"{row[c]['mean']:.3f}" if row[c] else "-" for c in COLUMNS]
    score = row["score"]
    interval = "-"
    if score and score["low"] is not None:
        interval = f"{score['low']:.3f}..{score['high']:.3f}"
    return " ".join([f"{means[0]:>6}", f"{interval:>15}", *(f"{mean:>10}" for mean in means[1:])])
