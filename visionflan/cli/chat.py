"""Chat with a checkpoint about one or more images.

Each line of the input is a question; an empty line or the end of the input ends the chat. With
`--ask` one question is answered, and the command ends.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log
from visionflan.errors import EvaluationError

if TYPE_CHECKING:
    from PIL import Image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CKPT",
        help="checkpoint, stage of a run, or a run, whose last checkpoint is used",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", nargs="+", help="image files")
    parser.add_argument("--ask", metavar="QUESTION", help="answer this question, and exit")
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=256,
        metavar="N",
        help="maximum length of an answer in tokens (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="auto",
        help="where the model runs (default: a GPU if there is one)",
    )


def run(args: argparse.Namespace) -> int:
    """Answer one question, or the questions of the input one by one."""
    from visionflan.dataset import IMAGE_MARKER
    from visionflan.model.checkpoint_path import find_checkpoint
    from visionflan.model.generate import Checkpoint, generate_answers
    from visionflan.storage.instance import Turn

    images = [open_image(path) for path in args.image]
    path = find_checkpoint(args.checkpoint)
    if path != args.checkpoint:
        log(f"the checkpoint is {path}")
    checkpoint = Checkpoint.load(path, args.device)
    turns: list[Turn] = []
    for question in questions(args.ask):
        markers = f"{IMAGE_MARKER}\n" * (0 if turns else len(images))
        turns.append(Turn("user", markers + question))
        answer = generate_answers(
            checkpoint, [turns], [images], max_new_tokens=args.max_new_tokens
        )[0]
        print(answer.text, flush=True)
        turns.append(Turn("assistant", answer.text))
    return 0


def open_image(path: Path) -> "Image.Image":
    """Return an image file as opaque RGB; raise EvaluationError if it is none."""
    from visionflan.errors import UnusableError
    from visionflan.image_files import decode_image

    if not path.is_file():
        raise EvaluationError(f"{path} does not exist: name an image file")
    try:
        return decode_image(path.read_bytes())
    except UnusableError as error:
        known = error.reason != "image_unrecognized"
        problem = f"cannot be used ({error.detail})" if known else "is not an image"
        raise EvaluationError(f"{path} {problem}: name an image file") from error


def questions(question: str | None) -> Iterator[str]:
    """Yield the one question, or the lines of the input until an empty one."""
    if question is not None:
        yield question
        return
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line
