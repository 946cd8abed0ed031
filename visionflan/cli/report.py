"""Write one page that shows what a run did.

The page needs no other file and no network: what was built, how the model was made, whether it
sees, where it fails, what its last stage changed, how it speaks, settings and digests.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", type=Path, nargs="?", metavar="RUN", help="a run that was evaluated")
    what.add_argument("--demo", action="store_true", help="two rules that never look, on specimens")
    parser.add_argument("--out", type=Path, metavar="FILE", help="(RUN/report.html)")
    parser.add_argument("--json", action="store_true", help="print where it is, and what it says")


def run(given: argparse.Namespace) -> int:
    """Write the page, and say where it is."""
    if not given.demo:
        return written(given.run, given.out, as_json=given.json)
    from visionflan.evaluate.demo import demo_run

    with demo_run() as folder:
        return written(folder, given.out or Path("report.html"), as_json=given.json)


def written(folder: Path, out: Path | None, *, as_json: bool) -> int:
    """Write the page of one run."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.report.run_page.inputs import load_run
    from visionflan.report.run_page.page import page, write_page
    from visionflan.report.run_page.scores import sight_checks

    material = load_run(folder)
    path = write_page(out or folder / "report.html", page(material))
    if not as_json:
        print(path)
        return 0
    told = [
        {"phase": sight.phase, "verdict": sight.verdict, "score": sight.score, **sight.controls}
        for sight in sight_checks(material.evaluated)
    ]
    print_json({"report": str(path), "phases": told})
    return 0
