"""Download the images that a list names by URL, or those of a dataset that publishes only URLs.

What is there already is not downloaded again: run the same command again to go on. At most two
requests go to one host at a time, hosts that ask to wait are left alone for as long, and each image
is checked as a build does. Failures are in fetch-ledger.parquet, with a reason. Records of
conversations whose `image` is a URL are written beside the images, with files in place of URLs.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.dataset_args import add_dataset_file, load_files
from visionflan.cli.shared.parsers import positive_int
from visionflan.errors import UsageError
from visionflan.plural import counted

if TYPE_CHECKING:
    from visionflan.fetch.run import FetchSummary
    from visionflan.fetch.settings import FetchSettings

COLUMNS = ("url", "id", "caption", "hash")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "list",
        type=Path,
        nargs="?",
        metavar="LIST",
        help="txt, csv, tsv, json, jsonl or parquet of URLs, a directory of these, or an imported "
        "build, whose ledger has the images at web addresses",
    )
    source.add_argument(
        "--dataset", metavar="NAME", help="the images of this dataset, put where it is read from"
    )
    source.add_argument("--demo", action="store_true", help="download from a server of its own")
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of the images")
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="data root, whose DIR/NAME has the lists"
    )
    for name in COLUMNS:
        parser.add_argument(f"--{name}-column", default="", metavar="NAME", help=HELP[name])
    add_limits(parser)
    add_dataset_file(parser)
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


HELP = {
    "url": "column of the URLs (default: url, image_url, imageURL, image or images)",
    "id": "column of ids that name the files (default: 00000/000000000.jpg by row, as img2dataset)",
    "caption": "column of captions, for the table beside the images",
    "hash": "column of the md5, sha1, sha256 or sha512 that each file must have",
}


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that limit requests."""
    parser.add_argument(
        "--concurrency",
        type=positive_int,
        default=32,
        metavar="N",
        help="requests at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=positive_int,
        default=60,
        metavar="S",
        help="seconds for one attempt (default: %(default)s)",
    )
    parser.add_argument(
        "--max-megabytes",
        type=positive_int,
        default=64,
        metavar="MB",
        help="the most megabytes of an image (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-private-hosts",
        action="store_true",
        help="also connect to this machine and to private networks",
    )
    parser.add_argument(
        "--retry-failed",
        action="store_true",
        help="try again what failed for good, such as an image that does not exist",
    )


def run(args: argparse.Namespace) -> int:
    """Download images, print how many, and return the exit code."""
    from visionflan.cli.shared.dataset_args import print_json

    check_usage(args)
    load_files(args)
    downloads = list(fetch_demo(args) if args.demo else fetch_lists(args))
    if args.json:
        print_json([{"out": str(out), **summary._asdict()} for out, summary in downloads])
    else:
        for out, summary in downloads:
            print_summary(out, summary)
    return int(not any(summary.fetched or summary.present for _, summary in downloads))


def check_usage(args: argparse.Namespace) -> None:
    """Raise UsageError for arguments that do not go together."""
    if args.dataset and (args.data_root is None or args.out is not None):
        raise UsageError("--dataset puts images into the data root: add --data-root, without --out")
    if args.list and (args.out is None or args.data_root is not None):
        raise UsageError("the images of a list need a directory: add --out, without --data-root")
    if args.demo and (args.out is not None or args.data_root is not None):
        raise UsageError("`--demo` uses temporary directories: leave out --out and --data-root")


def settings_of(args: argparse.Namespace) -> "FetchSettings":
    """Return the limits that the arguments set."""
    from visionflan.fetch.settings import FetchSettings

    return FetchSettings(
        concurrency=args.concurrency,
        timeout_s=args.timeout,
        max_bytes=args.max_megabytes << 20,
        allow_private_hosts=args.allow_private_hosts or args.demo,
        retry_failed=args.retry_failed,
    )


def fetch_lists(args: argparse.Namespace) -> Iterator[tuple[Path, "FetchSummary"]]:
    """Download the images of a list, or those of each list of a dataset."""
    from visionflan.fetch.dataset_lists import dataset_lists
    from visionflan.fetch.local_records import record_files, write_local_records
    from visionflan.fetch.run import fetch_images
    from visionflan.fetch.url_list import ListColumns, read_url_list

    settings = settings_of(args)
    if args.dataset:
        for image_list in dataset_lists(args.dataset, args.data_root / args.dataset):
            summary = fetch_images(
                image_list.read, image_list.out, settings, tables=image_list.tables
            )
            yield image_list.out, summary
        return
    columns = ListColumns(**{name: getattr(args, f"{name}_column") for name in COLUMNS})
    record_files(args.list, columns, args.out)  # an error comes before the download
    summary = fetch_images(
        lambda: read_url_list(args.list, columns),
        args.out,
        settings,
        list_name="" if columns.id else args.list.resolve().name,
    )
    write_local_records(args.list, columns, args.out)
    yield args.out, summary


def fetch_demo(args: argparse.Namespace) -> Iterator[tuple[Path, "FetchSummary"]]:
    """Download specimen images from a server on this machine."""
    from visionflan.fetch.demo import demo_list
    from visionflan.fetch.run import fetch_images
    from visionflan.fetch.url_list import ListColumns, read_url_list

    with ExitStack() as stack:
        path = stack.enter_context(demo_list())
        out = path.parent / "fetched"
        summary = fetch_images(lambda: read_url_list(path, ListColumns()), out, settings_of(args))
        yield out, summary


def print_summary(out: Path, summary: "FetchSummary") -> None:
    """Print what was downloaded, and the number of failures by reason."""
    total = sum(summary.failures.values())
    for reason, number in summary.failures.items():
        print(f"failed {number:,}: {reason}")
    print(
        f"{out}: {counted(summary.fetched, 'image')} downloaded, {summary.present:,} there before, "
        f"{total:,} failed"
    )
