"""Show the catalog as pages for a browser.

The pages list the tasks by group, category, dataset, license and words, and show finished examples
of each, from the releases in the data root or from drawn specimens. Only programs on this machine
can connect, unless `--host` names another address; then the URL contains a token.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.dataset_args import add_dataset_file, load_files
from visionflan.errors import VisionflanError

MAX_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="directory with one subdirectory per dataset: show examples from these releases",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="HOST",
        help="address to listen at; anything else than this machine's own needs the token that is "
        "printed (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=8000,
        metavar="N",
        help="port to listen at; 0 chooses a free one (default: %(default)s)",
    )
    add_dataset_file(parser)


def port(text: str) -> int:
    """Parse the number of a port."""
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text} is not a port, which is at most {MAX_PORT}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve the pages until the command is interrupted."""
    from visionflan.web.server import serve
    from visionflan.web.sources import Sources

    load_files(args)
    if args.data_root is not None and not args.data_root.is_dir():
        raise VisionflanError(f"{args.data_root} is not a directory: name one with --data-root")
    serve(Sources(data_root=args.data_root), args.host, args.port, announce)
    return 0


def announce(url: str) -> None:
    """Print where the pages are."""
    print(f"{url}  (Ctrl-C ends it)", flush=True)
