"""Compare two checkpoints by their stored answers, with significance tests.

A and B are runs, stages of runs (RUN/base), or evaluation directories. A run alone compares its
first stage with its last; one of two runs stands for its last stage. Answers are paired by the
content of the question. A side may be a person who answered in `visionflan web`, and `--answers`
sets further ones beside both. Writes compare.html, a page that needs no other file and no network,
compare.csv with every answer, and compare.json with every number.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.human_args import add_answers, agreement_lines
from visionflan.compare import COMPARISON_DIR
from visionflan.errors import UsageError
from visionflan.plural import counted

if TYPE_CHECKING:
    from visionflan.report.compare_page.page import ComparisonFiles
    from visionflan.report.compare_page.report import ComparisonReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("before", type=Path, nargs="?", metavar="A|RUN", help="the first model")
    parser.add_argument("after", type=Path, nargs="?", metavar="B", help="the second model")
    parser.add_argument(
        "--demo",
        action="store_true",
        help="compare two rule-based models that ignore the image, on generated data",
    )
    parser.add_argument(
        "--rule",
        choices=["lenient", "official", "likelihood"],
        default="lenient",
        help="scoring rule of the main tables (default: %(default)s)",
    )
    add_answers(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"output directory (default: RUN/{COMPARISON_DIR} for a run alone, "
        f"otherwise ./{COMPARISON_DIR})",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print all numbers as JSON, and write files only if --out is given",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.demo == (args.before is not None):
        raise UsageError("name a run, or two sides to compare, or use --demo")
    if not args.demo:
        in_run = args.before / COMPARISON_DIR if args.after is None else Path(COMPARISON_DIR)
        return compare_paths(args, args.before, args.out or in_run)
    from visionflan.cli.shared.demo_options import check_demo_options
    from visionflan.evaluate.demo import demo_run

    check_demo_options(args, add_arguments, ("rule", "out", "json"))
    with demo_run() as directory:
        return compare_paths(args, directory, args.out or Path(COMPARISON_DIR))


def compare_paths(args: argparse.Namespace, before: Path, out: Path) -> int:
    """Compare two sides, then print the results and write the files."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.compare.run import load_comparison, to_json

    loaded = load_comparison(before, args.after, args.answers)
    numbers = to_json(loaded.comparison)
    if args.json and args.out is None:
        print_json(numbers)
        return 0
    from visionflan.report.compare_page.page import write_comparison
    from visionflan.report.compare_page.report import ComparisonReport

    report = ComparisonReport.from_loaded(loaded, args.rule)
    files = write_comparison(report, out)
    if args.json:
        print_json(
            {**numbers, "files": {kind: str(path) for kind, path in files._asdict().items()}}
        )
    else:
        print_summary(report, files)
    return 0


def print_summary(report: "ComparisonReport", files: "ComparisonFiles") -> None:
    """Print a short table with conclusions, and the paths of the files."""
    from visionflan.report import number_format
    from visionflan.report.compare_page.summary import summarize

    summary = summarize(report.comparison, report.rule, report.title)
    print(summary.headline, *summary.sentences, sep="\n")
    by_rule = [row for row in report.comparison.differences if row.rule == report.rule]
    rows = [row for row in by_rule if row.headline or row.scope == "group"]
    names = [
        f"{row.name}{report.style_suffix(row.name, row.prompt_style)} {row.metric}" for row in rows
    ]
    width = max(map(len, names), default=0)
    if rows:
        titles = (f"{title:>8}" for title in ("before", "after", "change"))
        print(f"\n{'':{width}}", *titles, f" {'95 % interval':<17} conclusion")
    for name, row in zip(names, rows, strict=True):
        scores = (number_format.plain(score, row.max) for score in (row.before, row.after))
        change = number_format.signed(row.change, row.max)
        interval = number_format.format_interval(row.low, row.high, row.max)
        numbers = (f"{number:>8}" for number in (*scores, change))
        print(f"{name:{width}}", *numbers, f" {interval:<17} {row.conclusion}")
    if others := len(by_rule) - len(rows):
        print(f"On the page: {counted(others, 'further metric')}.")
    if lines := list(agreement_lines(report.comparison.humans)):
        print("\nagreement of persons", *lines, sep="\n")
    print(f"\npage     {files.page}\nanswers  {files.table}\nnumbers  {files.numbers}")
