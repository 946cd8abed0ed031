"""Show the catalog and builds as pages for a browser.

The pages list the tasks by group, category, dataset, license and words, and show finished examples
of each, from the releases in the data root or from drawn specimens. Of a build they show every
instance with its image, prompt, provenance and the other instances of the same image, the balance
of answers, and the ledger; two builds are compared side by side. With `--as NAME` a person edits
the words of tasks, which are saved in their dataset files after the diff is confirmed, reviews
tasks, and solves them without seeing the targets; the answers are stored as an evaluation. Only
programs on this machine can connect, unless `--host` names another address; then the URL contains a
token.
"""

import argparse
import re
from pathlib import Path

from visionflan.cli.shared.dataset_args import add_dataset_file, check_data_root, load_files
from visionflan.errors import UsageError

MAX_PORT = 65_535
PERSON = re.compile(r"\w[\w.-]{0,39}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("builds", type=Path, nargs="*", metavar="BUILD", help="build directory")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="CKPT",
        help="show the tokens and the loss mask of each instance as this checkpoint is trained on "
        "them; its weights are not read",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="directory with one subdirectory per dataset: show examples from these releases, and "
        "the images of rows that a build dropped",
    )
    parser.add_argument(
        "--as",
        dest="person",
        type=person,
        metavar="NAME",
        help="write under this name: edit and review tasks, and solve items of the builds blind",
    )
    parser.add_argument(
        "--answers",
        type=Path,
        default=Path("answers"),
        metavar="DIR",
        help="directory of the answers and drafts of all persons (default: ./answers)",
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


def person(text: str) -> str:
    """Parse the name of a person, which is also that of a directory."""
    if not PERSON.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of letters, digits, _, - and .")
    return text


def run(args: argparse.Namespace) -> int:
    """Serve the pages until the command is interrupted."""
    if args.checkpoint and not args.builds:
        raise UsageError("--checkpoint shows the tokens of instances: name a BUILD as well")
    from visionflan.web.server import serve
    from visionflan.web.sources import open_sources

    load_files(args)
    check_data_root(args.data_root)
    sources = open_sources(
        args.builds,
        args.checkpoint,
        data_root=args.data_root,
        person=args.person or "",
        answers=args.answers,
    )
    serve(sources, args.host, args.port, announce)
    return 0


def announce(url: str) -> None:
    """Print where the pages are."""
    print(f"{url}  (Ctrl-C ends it)", flush=True)
