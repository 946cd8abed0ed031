"""Write the report of a run as one HTML page.

The page needs no other file and no network. It shows scores on held-out tasks with
blank and swapped images, failure cases, changes in the last stage, response style, the training
data, training, settings and digests. With `--answers` it also shows persons beside the stages.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.human_args import add_answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "run", type=Path, nargs="?", metavar="RUN", help="directory of an evaluated run"
    )
    source.add_argument(
        "--demo",
        action="store_true",
        help="report on two rule-based models that ignore the image, on generated data",
    )
    add_answers(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="output file (default: RUN/report.html)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the path and the main results as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    if not args.demo:
        return write(args.run, args.out, args.answers, as_json=args.json)
    from visionflan.cli.shared.demo_options import check_demo_options
    from visionflan.evaluate.demo import demo_run

    check_demo_options(args, add_arguments, ("out", "json"))
    with demo_run() as directory:
        return write(directory, args.out or Path("report.html"), None, as_json=args.json)


def write(run: Path, out: Path | None, answers: Path | None, *, as_json: bool) -> int:
    """Write the page of one run, beside the answers of persons if they are given."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.compare.serialize import to_plain
    from visionflan.report.run_page.inputs import load_run
    from visionflan.report.run_page.page import REPORT, render_page, write_page
    from visionflan.report.run_page.scores import sight_checks

    data = load_run(run, answers)
    page = out or run / REPORT
    path = write_page(page, render_page(data, page))
    if not as_json:
        print(path)
        return 0
    stages = [
        {
            "stage": check.stage,
            "conclusion": check.conclusion,
            **{
                name: estimate and estimate._asdict()
                for name, estimate in check.scores.by_name().items()
            },
        }
        for check in sight_checks(data.evaluations)
    ]
    humans = {} if data.humans is None else {"humans": to_plain(data.humans)}
    print_json({"report": str(path), "stages": stages, **humans})
    return 0
