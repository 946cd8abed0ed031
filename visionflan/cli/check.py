"""Look for faults in dataset files: their words, their source, what they make of a specimen."""

import argparse

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.cli.shared import dataset_args as selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", nargs="*", help="datasets to check; all when none is named")
    selection.add_dataset_file(parser)
    selection.add_json(parser)


def run(given: argparse.Namespace) -> int:
    """Print the findings; the code is 1 when there are any."""
    selection.load_files(given)
    names = given.names or [path.stem for path in given.dataset_file] or catalog.names()
    for name in names:
        catalog.load(name)
    findings = lint.check(names)
    if given.json:
        selection.print_json([finding._asdict() for finding in findings])
        return int(bool(findings))
    for finding in findings:
        print(f"{finding.place}: {finding.code}: {finding.sentence}")
    tasks = sum(len(catalog.load(name).tasks) for name in names)
    print(f"{len(names)} dataset files and {tasks} tasks checked: {len(findings)} findings.")
    return int(bool(findings))
