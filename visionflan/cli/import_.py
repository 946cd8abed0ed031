"""Import a published release into a build directory.

The release is in one of the forms below, which are those of other projects, of the Vision-Flan
release and of what `export` writes. Without --format it is recognized by its files.
"""

import argparse
import sys
from pathlib import Path

from visionflan import formats
from visionflan.cli.shared.demo_options import check_demo_options
from visionflan.cli.shared.format_list import add_format_list
from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import process_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_format_list(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "release", type=Path, nargs="?", help="release directory or annotation file"
    )
    source.add_argument("--demo", action="store_true", help="import an export of the specimens")
    parser.add_argument(
        "--format",
        choices=formats.names(),
        default="",
        help="format of the release (default: the one that its files are recognized as)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="BUILD", help="build directory to create"
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="directory of the images (default: next to the annotation file)",
    )
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="dataset of the tasks whose names contain none (default: name of the release)",
    )
    parser.add_argument(
        "--hold-out-images",
        type=float,
        default=0.0,
        metavar="FRACTION",
        help="fraction of the images held out from training (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="random seed of the hold-out, and of what a list draws (default: %(default)s)",
    )
    parser.add_argument(
        "--include-sensitive",
        action="store_true",
        help="also import tasks about race, gender, age, identity or emotion",
    )
    parser.add_argument(
        "--workers",
        type=process_count,
        metavar="N",
        help="number of worker processes (default: one per CPU core)",
    )


def run(args: argparse.Namespace) -> int:
    """Import a release, or one made from the specimens."""
    from tempfile import TemporaryDirectory

    from visionflan.builder.demo import demo_build
    from visionflan.formats.exporting import export
    from visionflan.storage.directory import BuildDirectory

    if not args.demo:
        return import_path(args.release, args)
    check_demo_options(args, add_arguments, vars(args).keys() - {"images", "format"})
    with demo_build() as build, TemporaryDirectory(prefix="visionflan-demo-") as directory:
        export(BuildDirectory(build), Path(directory) / "demo", "llava")
        return import_path(Path(directory) / "demo/train.json", args)


def import_path(path: Path, args: argparse.Namespace) -> int:
    """Import a release and print a summary of its records."""
    from visionflan.builder.build_request import usable_workers
    from visionflan.builder.split import HoldOutConfig
    from visionflan.builder.summary import summary
    from visionflan.formats.base import SeededRelease
    from visionflan.formats.importing import import_release, read_format, release_name
    from visionflan.formats.shared.recognition import recognize

    form = formats.load(args.format) if args.format else recognize(path)
    release = read_format(form, path, args.images)
    if isinstance(release, SeededRelease):
        release = release.with_seed(args.seed)
    description = formats.summaries()[form.name]
    kind = f"{form.name} ({description})" if description else form.name
    print(f"reading {release.annotations} as {kind}, images in {release.images}", file=sys.stderr)
    hold_out = HoldOutConfig(image_fraction=args.hold_out_images, tasks=(), seed=args.seed)
    manifest = import_release(
        release,
        args.out,
        name=release_name(path, args.name),
        hold_out=hold_out if args.hold_out_images else None,
        include_sensitive=args.include_sensitive,
        workers=usable_workers(args.workers, log),
    )
    print(summary(args.out, manifest))
    return 0
