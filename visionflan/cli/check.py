"""Check dataset files for problems in their text, their code and their specimens."""

import argparse
from pathlib import Path

from visionflan import catalog
from visionflan.authoring import lint, spelling
from visionflan.cli.shared import dataset_args
from visionflan.cli.shared.log import log
from visionflan.plural import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", nargs="*", help="datasets to check (default: all)")
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="also read the releases there, and report broken rows and tasks without examples",
    )
    dataset_args.add_dataset_file(parser)
    dataset_args.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings and return 1 if there are any."""
    dataset_args.load_files(args)
    names = args.names or [path.stem for path in args.dataset_file] or catalog.names()
    for name in set(names) - set(catalog.names()):
        raise catalog.unknown_name_error("dataset", name, catalog.names())
    if spelling.typos_path() is None:
        log("spelling is not checked: that needs pip install 'visionflan[check]'")
    findings = lint.check(names, args.data_root)
    if args.json:
        dataset_args.print_json([finding._asdict() for finding in findings])
        return int(bool(findings))
    for finding in findings:
        print(f"{finding.location}: {finding.code}: {finding.message}")
    broken = {finding.location for finding in findings if finding.code == "broken_file"}
    tasks = sum(len(catalog.load(name).tasks) for name in names if name not in broken)
    print(
        f"{counted(len(names), 'dataset file')} and {counted(tasks, 'task')} checked: "
        f"{counted(len(findings), 'finding')}."
    )
    return int(bool(findings))
