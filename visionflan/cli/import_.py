"""Read a published release into a build directory.

The Vision-Flan release, LLaVA-Instruct and whatever has their form: a JSON list, or lines of JSON,
of records with `image` and `conversations`, and a folder of pictures beside it.
"""

import argparse
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("release", type=Path, nargs="?", help="the folder or the annotation file")
    source.add_argument("--demo", action="store_true", help="import an export of the specimens")
    parser.add_argument("--out", type=Path, required=True, metavar="BUILD", help="a new folder")
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="where the pictures are (found beside the file)"
    )
    parser.add_argument("--name", help="of tasks that name no dataset (the release's own name)")
    parser.add_argument(
        "--hold-out-images",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of images kept from training (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (%(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (one a core)")


def run(given: argparse.Namespace) -> int:
    """Import a release, or one that is made of the specimens."""
    from tempfile import TemporaryDirectory

    from visionflan.builder.demo import demo_build
    from visionflan.formats.exporting import export
    from visionflan.storage.directory import BuildDirectory

    if not given.demo:
        return imported(given.release, given)
    with demo_build() as build, TemporaryDirectory(prefix="visionflan-demo-") as folder:
        export(BuildDirectory(build), Path(folder) / "demo", "llava")
        return imported(Path(folder) / "demo/train.json", given)


def imported(path: Path, given: argparse.Namespace) -> int:
    """Import, and sum up what became of the records."""
    from visionflan.builder.split import HoldOutConfig
    from visionflan.builder.summary import summary
    from visionflan.formats.importing import import_release, slug
    from visionflan.formats.llava import find_release

    release = find_release(path, given.images)
    print(f"reading {release.annotations}, pictures in {release.images}", file=sys.stderr)
    hold_out = HoldOutConfig(image_fraction=given.hold_out_images, tasks=(), seed=given.seed)
    manifest = import_release(
        release,
        given.out,
        name=slug(given.name or path.absolute().stem),
        hold_out=hold_out,
        workers=given.workers or os.cpu_count() or 1,
    )
    print(summary(given.out, manifest))
    return 0
