"""Write a build directory in a format of others.

`llava` is a JSON list a split with the images beside it, as LLaVA and the Vision-Flan release have
it; `hf` is Parquet with `messages` and `images`, as `datasets.load_dataset` and TRL take it.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("build", type=Path, nargs="?", help="the build directory")
    source.add_argument("--demo", action="store_true", help="export a build of the specimens")
    parser.add_argument("--to", choices=["llava", "hf"], required=True, help="the format")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--tasks",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="A/B,C/*",
        help="these tasks only",
    )


def run(given: argparse.Namespace) -> int:
    """Export a build, or that of the specimens."""
    from visionflan.builder.demo import demo_build

    if not given.demo:
        return exported(given.build, given)
    with demo_build() as build:
        return exported(build, given)


def exported(path: Path, given: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from visionflan.catalog import match_tasks
    from visionflan.formats.exporting import export
    from visionflan.storage.directory import BuildDirectory

    build = BuildDirectory(path, verify=True)
    tasks = match_tasks(given.tasks, list(build.tasks))
    count = export(build, given.out, given.to, tasks)
    files = [path for path in given.out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{given.out}: {count:,} instances in {len(files):,} files, {size:,.1f} MB")
    return 0
