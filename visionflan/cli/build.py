"""Turn the releases on disk into a build directory.

Every dataset whose release lies in a folder of its name under the data root is read, its rows are
chosen by hash, its images checked and stored once, and what is lost is told in a ledger.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared import dataset_args as selection

if TYPE_CHECKING:
    from visionflan.builder.plan import BuildSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data-root", type=Path, metavar="DIR", help="holds a folder a dataset")
    where.add_argument("--demo", action="store_true", help="build from the datasets' specimens")
    parser.add_argument("--out", type=Path, required=True, metavar="BUILD", help="a new folder")
    parser.add_argument(
        "--tasks", type=names, default=(), metavar="A/B,C/*", help="these tasks only"
    )
    parser.add_argument(
        "--cap", type=int, default=10_000, metavar="N", help="instances a task (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all choices (%(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (one a core)")
    parser.add_argument(
        "--include-sensitive",
        action="store_true",
        help="build tasks about race, gender, age, identity or emotion too",
    )
    parser.add_argument(
        "--include-evaluation-only",
        action="store_true",
        help="build datasets that no model may be tuned on too, held out as a whole",
    )
    parser.add_argument(
        "--license",
        choices=["commercial", "research", "any"],
        default="any",
        help="datasets whose license allows this (%(default)s)",
    )
    add_hold_out(parser)
    selection.add_dataset_file(parser)


def add_hold_out(parser: argparse.ArgumentParser) -> None:
    """Let the user keep images and tasks from training."""
    parser.add_argument(
        "--hold-out-images",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="share of images kept from training (%(default)s)",
    )
    parser.add_argument(
        "--hold-out-tasks",
        type=names,
        default=(),
        metavar="A/B",
        help="tasks kept from training as a whole, with all their images",
    )
    parser.add_argument(
        "--hold-out-cap",
        type=int,
        default=1_000,
        metavar="N",
        help="instances of a wholly held-out task (%(default)s)",
    )


def names(text: str) -> tuple[str, ...]:
    """Take names that commas part."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def run(given: argparse.Namespace) -> int:
    """Build, and sum up what became of the rows."""
    from visionflan.builder.demo import specimens
    from visionflan.builder.plan import BuildSettings

    selection.load_files(given)
    settings = BuildSettings(
        **{name: getattr(given, name) for name in BuildSettings.__dataclass_fields__}
    )
    if not given.demo:
        return built(given.data_root, given, settings)
    with specimens(settings.tasks) as data_root:
        return built(data_root, given, settings)


def built(data_root: Path, given: argparse.Namespace, settings: "BuildSettings") -> int:
    """Build with progress, and print the summary."""
    from visionflan.builder.output_dir import failed_datasets
    from visionflan.builder.run import build
    from visionflan.builder.summary import summary

    manifest = build(data_root, given.out, settings, workers=given.workers, tell=log)
    print(summary(given.out, manifest))
    return 1 if failed_datasets(manifest) else 0


def log(line: str) -> None:
    """Print a line about the work, apart from the results."""
    print(line, file=sys.stderr, flush=True)
