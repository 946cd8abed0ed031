"""Export a build directory to the format of another tool, in a new directory.

Each split is in files of its own, beside a dataset card; `import` reads them back.
"""

import argparse
from pathlib import Path

from visionflan import formats
from visionflan.cli.shared.format_list import add_format_list
from visionflan.cli.shared.parsers import add_names
from visionflan.plural import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_format_list(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("build", type=Path, nargs="?", help="build directory")
    source.add_argument("--demo", action="store_true", help="export a build of the specimens")
    parser.add_argument(
        "--format", choices=formats.names(), required=True, help="format of the exported files"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="directory to create"
    )
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks (default: all)")


def run(args: argparse.Namespace) -> int:
    """Export a build, or a build of the specimens."""
    from visionflan.builder.demo import demo_build

    if not args.demo:
        return export_build(args.build, args)
    with demo_build() as build:
        return export_build(build, args)


def export_build(path: Path, args: argparse.Namespace) -> int:
    """Export a build and print what was written."""
    from visionflan.catalog import match_tasks
    from visionflan.formats.exporting import export
    from visionflan.storage.directory import BuildDirectory

    build = BuildDirectory(path, verify=True)
    tasks = match_tasks(args.tasks, list(build.tasks))
    count = export(build, args.out, args.format, tasks)
    files = [path for path in args.out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    counts = f"{counted(count, 'instance')} in {counted(len(files), 'file')}"
    print(f"{args.out}: {counts}, {size:,.1f} MB")
    return 0
