"""Check dataset files for problems in their text, their code and their specimens."""

import argparse

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.cli.shared import dataset_args


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", nargs="*", help="datasets to check (default: all)")
    dataset_args.add_dataset_file(parser)
    dataset_args.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings and return 1 if there are any."""
    dataset_args.load_files(args)
    names = args.names or [path.stem for path in args.dataset_file] or catalog.names()
    for name in names:
        catalog.load(name)
    findings = lint.check(names)
    if args.json:
        dataset_args.print_json([finding._asdict() for finding in findings])
        return int(bool(findings))
    for finding in findings:
        print(f"{finding.location}: {finding.code}: {finding.message}")
    tasks = sum(len(catalog.load(name).tasks) for name in names)
    print(
        f"{counted(len(names), 'dataset file')} and {counted(tasks, 'task')} checked: "
        f"{counted(len(findings), 'finding')}."
    )
    return int(bool(findings))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
