"""Options that compare a build with the benchmarks that it must not contain."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.catalog import unknown_name_error
from visionflan.cli.shared.parsers import add_names
from visionflan.errors import BuildError, UsageError

if TYPE_CHECKING:
    from visionflan.builder.decontamination.descriptor import DescriptorConfig
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
    parser.add_argument(
        "--descriptor",
        type=Path,
        metavar="FILE.onnx",
        help="also compare the images by a copy-detection model such as SSCD, which finds cropped "
        "copies, too (extra `descriptor`)",
    )
    parser.add_argument(
        "--descriptor-threshold",
        type=cosine,
        metavar="COSINE",
        help="the lowest cosine of the descriptors of images that are compared in detail "
        "(default: 0.75)",
    )


def cosine(text: str) -> float:
    """Parse a cosine above 0: below it every image is a copy of every other."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and at most 1")
    return number


def decontamination_from(
    args: argparse.Namespace, data_root: Path | str
) -> "Decontamination | None":
    """Return what the user chose, with all benchmarks opened; None without `--decontaminate`."""
    from visionflan.builder.decontamination.references import Decontamination

    if args.descriptor is None and args.descriptor_threshold is not None:
        raise UsageError("`--descriptor-threshold` needs `--descriptor`")
    if not args.decontaminate:
        if args.report_only or args.benchmark_root is not None or args.descriptor is not None:
            raise UsageError(
                "`--report-only`, `--benchmark-root` and `--descriptor` need `--decontaminate`"
            )
        return None
    root = args.benchmark_root or data_root
    return Decontamination(
        references=[open_reference(name, root) for name in args.decontaminate],
        report_only=args.report_only,
        descriptor=descriptor_from(args),
    )


def descriptor_from(args: argparse.Namespace) -> "DescriptorConfig | None":
    """Return the model that the user chose, which is checked; None without `--descriptor`."""
    from visionflan.builder.decontamination.descriptor import THRESHOLD, load_descriptor

    if args.descriptor is None:
        return None
    return load_descriptor(args.descriptor, args.descriptor_threshold or THRESHOLD)


def open_reference(name: str, root: Path | str) -> "Reference":
    """Return a benchmark's release, or the images of a folder."""
    from visionflan.builder.decontamination.references import folder_reference
    from visionflan.evaluate import benchmarks

    if name in benchmarks.names():
        if isinstance(root, str):
            raise UsageError(f"`--decontaminate {name}` needs `--benchmark-root`: {root} is a URL")
        return benchmark_reference(name, root / name)
    if Path(name).is_dir():
        return folder_reference(Path(name))
    if "/" in name:
        raise BuildError(f"{name} is not a directory: name a folder of images or a benchmark")
    hint = "see `visionflan benchmarks`"
    raise unknown_name_error("benchmark or folder", name, benchmarks.names(), hint)


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


def write_page(out: Path | None, decontamination: "Decontamination") -> str:
    """Write the page of the overlaps into a build; return a line that names it.

    The build is complete without the page, which one in a store lacks: `out` is None. Where jinja2
    is missing, the line says what to install.
    """
    if out is None:
        return "overlaps: decontamination.parquet; only a build in a directory has a page of them"
    try:
        from visionflan.report.overlap_page import write_overlap_page

        return f"overlaps: {write_overlap_page(out, decontamination.references)}"
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        return f"overlaps.html needs {error.name}: pip install 'visionflan[evaluate]'"
