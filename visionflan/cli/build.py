"""Build a training set from the releases on disk.

Reads every dataset whose release is stored under the data root in a directory of its name, samples
rows by hash, checks each image and stores it once, and records every dropped row in a ledger.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.dataset_args import add_dataset_file, load_files
from visionflan.cli.shared.decontaminate_args import (
    add_decontamination,
    decontamination_from,
    write_page,
)
from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import add_names, path_or_url, positive_int, process_count
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.builder.plan import BuildSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_input(parser)
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks (default: all)")
    parser.add_argument(
        "--max-per-task",
        type=positive_int,
        default=10_000,
        metavar="N",
        help="maximum number of instances per task (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--include-sensitive",
        action="store_true",
        help="also build tasks about race, gender, age, identity or emotion",
    )
    parser.add_argument(
        "--include-evaluation-only",
        action="store_true",
        help="also build evaluation-only datasets (their license forbids training); all their "
        "tasks are held out",
    )
    parser.add_argument(
        "--license",
        choices=["commercial", "research", "any"],
        default="any",
        help="only datasets whose license allows this use (default: %(default)s)",
    )
    parser.add_argument(
        "--reviewed-only",
        action="store_true",
        help="only tasks that a review accepted, with the words and the code that they have now "
        "(see docs/reviews.md)",
    )
    add_machines(parser)
    add_hold_out(parser)
    add_prompts(parser)
    add_decontamination(parser)
    add_dataset_file(parser)


def add_input(parser: argparse.ArgumentParser) -> None:
    """Declare where the releases are and where the build goes."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data-root",
        type=path_or_url,
        metavar="DIR",
        help="directory with one subdirectory per dataset, named as in `visionflan datasets`; or "
        "its URL, such as s3://BUCKET/NAME (extra `stores`)",
    )
    source.add_argument(
        "--demo", action="store_true", help="build from miniature releases drawn for the purpose"
    )
    parser.add_argument(
        "--out",
        type=path_or_url,
        required=True,
        metavar="BUILD",
        help="build directory to write: new, or one to resume; or its URL, as of --data-root",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        metavar="DIR",
        help="directory for what each machine copies from and to URLs, which takes as much disk as "
        "the releases that it reads at the same time (default: that of temporary files)",
    )


def add_machines(parser: argparse.ArgumentParser) -> None:
    """Declare what the build runs on, and whether it changes an earlier one."""
    parser.add_argument(
        "--workers",
        type=process_count,
        metavar="N",
        help="number of datasets that are built at the same time, or of processes that check the "
        "images of a single one (default: one per CPU core)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="build the datasets on a Ray cluster: `local` starts one on this machine, `auto` "
        "joins the one it belongs to, else HOST:PORT or ray://HOST:PORT; all machines must have "
        "visionflan and see --data-root and --out under the same paths, on a shared file system, "
        "or reach their URLs",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="write nothing: read each release for up to half a minute, and some of its images, "
        "and print how many rows there are, and how much disk and time the build takes",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="change the build in BUILD: build only what is new or changed, and divide it again",
    )


def add_hold_out(parser: argparse.ArgumentParser) -> None:
    """Declare which images and tasks are held out."""
    parser.add_argument(
        "--hold-out-images",
        type=float,
        default=0.05,
        metavar="FRACTION",
        help="fraction of images held out from training (default: %(default)s)",
    )
    parser.add_argument(
        "--hold-out-official",
        action="store_true",
        help="also hold out what the releases call validation or test, with what looks the same",
    )
    add_names(
        parser,
        "--hold-out-tasks",
        metavar="A/*",
        description="tasks held out from training, with all their images",
    )
    parser.add_argument(
        "--max-per-held-out-task",
        type=positive_int,
        default=1_000,
        metavar="N",
        help="maximum number of instances per held-out task (default: %(default)s)",
    )


def add_prompts(parser: argparse.ArgumentParser) -> None:
    """Declare how prompts are written."""
    parser.add_argument(
        "--phrasings",
        choices=["first", "all"],
        default="first",
        help="use the first phrasing of each task's instruction, or all of them, chosen by hash "
        "for each instance (default: %(default)s)",
    )
    parser.add_argument(
        "--prompt-style",
        choices=["visionflan", "official"],
        default="visionflan",
        help="ask for letter and text of an option, or leave that out as the paper's release does, "
        "for mixing with it (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Build, and print a summary."""
    from visionflan.builder.demo import specimens
    from visionflan.builder.plan import BuildSettings

    load_files(args)
    settings = BuildSettings(
        **{name: getattr(args, name) for name in BuildSettings.__dataclass_fields__}
    )
    if not args.demo:
        return build_and_summarize(args.data_root, args, settings)
    with specimens(settings.tasks) as data_root:
        return build_and_summarize(data_root, args, settings)


def build_and_summarize(
    data_root: Path | str, args: argparse.Namespace, settings: "BuildSettings"
) -> int:
    """Build with progress, print the summary, and return the exit code."""
    if args.plan:
        return print_estimate(data_root, args, settings)
    local = args.out if isinstance(args.out, Path) else None
    if args.scratch is not None and local and isinstance(data_root, Path):
        raise UsageError("`--scratch` is for copies from and to URLs, but there is none")
    from visionflan.builder.build_request import check_not_empty
    from visionflan.builder.output_dir import failed_datasets
    from visionflan.builder.run import build
    from visionflan.builder.summary import summary

    decontamination = decontamination_from(args, data_root)
    manifest = build(
        data_root,
        args.out,
        settings,
        workers=args.workers,
        log=log,
        decontamination=decontamination,
        update=args.update,
        ray_address=args.ray,
        scratch=args.scratch,
    )
    print(summary(args.out, manifest))
    if decontamination is not None:
        print(write_page(local, decontamination))
    check_not_empty(local, manifest)
    return 1 if failed_datasets(manifest) else 0


def print_estimate(
    data_root: Path | str, args: argparse.Namespace, settings: "BuildSettings"
) -> int:
    """Print what the build would take; 1 if a release cannot be read."""
    if isinstance(data_root, str) or isinstance(args.out, str):
        raise UsageError("`--plan` reads directories of this machine, not URLs")
    from visionflan.builder.build_request import usable_workers
    from visionflan.builder.estimate import estimate_build
    from visionflan.builder.estimate_table import estimate_table

    workers = usable_workers(args.workers, log)
    build_plan, estimates = estimate_build(data_root.absolute(), args.out, settings, workers)
    print(estimate_table(args.out.absolute(), build_plan, estimates, workers))
    return 1 if any(estimate.failure for estimate in estimates) else 0
