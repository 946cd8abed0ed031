"""Options that compare a build with the benchmarks that it must not contain."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.parsers import add_names
from visionflan.errors import BuildError, UsageError

if TYPE_CHECKING:
    from visionflan.builder.decontamination.references import Decontamination, Reference


def add_decontamination(parser: argparse.ArgumentParser) -> None:
    """Declare what a build is decontaminated against."""
    add_names(
        parser,
        "--decontaminate",
        metavar="NAME|FOLDER",
        description="remove training rows that share an image, or 13 words in a row, with these "
        "benchmarks (see `visionflan benchmarks`) or folders of images",
    )
    parser.add_argument(
        "--benchmark-root",
        type=Path,
        metavar="DIR",
        help="directory with one subdirectory per benchmark of `--decontaminate` "
        "(default: the data root)",
    )
    parser.add_argument(
        "--report-only",
        action="store_true",
        help="only report what `--decontaminate` would remove, in decontamination.parquet",
    )


def decontamination_from(args: argparse.Namespace, data_root: Path) -> "Decontamination | None":
    """Return what the user chose, with all benchmarks opened; None without `--decontaminate`."""
    from visionflan.builder.decontamination.references import Decontamination

    if not args.decontaminate:
        if args.report_only or args.benchmark_root is not None:
            raise UsageError("`--report-only` and `--benchmark-root` need `--decontaminate`")
        return None
    root = args.benchmark_root or data_root
    references = [open_reference(name, root) for name in args.decontaminate]
    return Decontamination(references=references, report_only=args.report_only)


def open_reference(name: str, root: Path) -> "Reference":
    """Return a benchmark's release, or the images of a folder."""
    from visionflan.builder.decontamination.references import folder_reference
    from visionflan.evaluate import benchmarks

    if name in benchmarks.names():
        return benchmark_reference(name, root / name)
    if Path(name).is_dir():
        return folder_reference(Path(name))
    if "/" in name:
        raise BuildError(f"{name} is not a directory: name a folder of images or a benchmark")
    benchmarks.load(name)
    raise AssertionError(f"{name} is a benchmark without a name")


def benchmark_reference(name: str, root: Path) -> "Reference":
    """Return the questions and images of a benchmark's release as a reference."""
    from visionflan.builder.decontamination.references import Reference, ReferenceItem
    from visionflan.evaluate.benchmark_release import BenchmarkRelease

    release = BenchmarkRelease(name, root)
    items = [
        ReferenceItem(f"{row.part}/{row.key}", f"{row.question} {row.target}", image_ids)
        for row, image_ids in release.rows_with_ids()
    ]
    return Reference(name, release.digest, items, release.image)
