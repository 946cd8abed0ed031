"""Compare two checkpoints by their answers: what changed, and what chance alone may do.

A and B are runs, phases of runs (RUN/base), or folders of evaluations; of a run alone its first
stage is compared with its last, and of one of two runs its last stage counts. Answers are joined by
what was asked and shown. Writes compare.html, one page that needs no other file and no network,
compare.csv with every answer, and compare.json with every number.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.report.compare_page.page import ComparisonFiles
    from visionflan.report.compare_page.report import ComparisonReport

COMPARISON = "comparison"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("before", type=Path, nargs="?", metavar="A|RUN", help="what comes before")
    parser.add_argument("after", type=Path, nargs="?", metavar="B", help="what comes after")
    parser.add_argument(
        "--demo", action="store_true", help="two rules that never look, on specimens"
    )
    parser.add_argument(
        "--rule",
        choices=["lenient", "official", "likelihood"],
        default="lenient",
        help="by which scores are compared first (%(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"where the files go (RUN/{COMPARISON} of a run alone, else ./{COMPARISON})",
    )
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")


def run(given: argparse.Namespace) -> int:
    """Compare, write the three files, and print what they say in short."""
    if given.demo == (given.before is not None):
        raise UsageError("give a run, or two sides to compare, or --demo")
    if not given.demo:
        alone = given.before / COMPARISON if given.after is None else Path(COMPARISON)
        return compared(given, given.before, given.out or alone)
    from visionflan.evaluate.demo import demo_run

    with demo_run() as folder:
        return compared(given, folder, given.out or Path(COMPARISON))


def compared(given: argparse.Namespace, before: Path, out: Path) -> int:
    """Compare two sides."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.compare.run import to_json
    from visionflan.report.compare_page.page import load_comparison, write_comparison

    story = load_comparison(before, given.after, given.rule)
    files = write_comparison(story, out)
    if given.json:
        places = {name: str(path) for name, path in files._asdict().items()}
        print_json({**to_json(story.comparison), "files": places})
    else:
        show(story, files)
    return 0


def show(story: "ComparisonReport", files: "ComparisonFiles") -> None:
    """Print a short table with verdicts in words, and where the files are."""
    from visionflan.report import number_format as figures
    from visionflan.report.compare_page.summary import summarize

    told = summarize(story.comparison, story.rule, story.title)
    print(told.headline, *told.sentences, sep="\n")
    by_rule = [each for each in story.comparison.differences if each.rule == story.rule]
    chosen = [each for each in by_rule if each.headline or each.scope == "group"]
    names = [
        f"{each.name}{story.style_suffix(each.name, each.prompt_style)} {each.measure}"
        for each in chosen
    ]
    width = max(map(len, names), default=0)
    if chosen:
        titles = (f"{title:>8}" for title in ("before", "after", "change"))
        print(f"\n{'':{width}}", *titles, f" {'95 % interval':<17} verdict")
    for name, each in zip(names, chosen, strict=True):
        scores = (figures.plain(score, each.max) for score in (each.before, each.after))
        change = figures.signed(each.change, each.max)
        within = figures.format_interval(each.low, each.high, each.max)
        numbers = (f"{number:>8}" for number in (*scores, change))
        print(f"{name:{width}}", *numbers, f" {within:<17} {each.conclusion}")
    if left := len(by_rule) - len(chosen):
        print(f"{left} further measures are on the page.")
    print(f"\npage     {files.page}\nanswers  {files.table}\nnumbers  {files.numbers}")
