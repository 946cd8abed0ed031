"""Combine builds of different tasks into one, such as several that models wrote.

Their files are shared, by hard links where the directories are on one disk. Images that look alike
are those that each build has found; an image that one of them holds out may not train in another.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.log import log
from visionflan.errors import UsageError
from visionflan.plural import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("builds", type=Path, nargs="+", metavar="BUILD", help="build directories")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="build to write")


def run(args: argparse.Namespace) -> int:
    """Write the build."""
    from visionflan.builder.combine import combine_builds
    from visionflan.storage.directory import BuildDirectory

    if len(args.builds) < 2:
        raise UsageError("`combine` needs at least two builds")
    build = combine_builds([BuildDirectory(path) for path in args.builds], args.out)
    totals = build.manifest["totals"]
    log(
        f"{args.out}: {counted(totals['instances'], 'instance')} of "
        f"{counted(len(build.tasks), 'task')} from {counted(len(args.builds), 'build')}"
    )
    return 0
