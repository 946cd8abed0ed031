"""Talk to a checkpoint about a picture.

Every line of the input is a question; an empty one, or the end of the input, ends the talk. With
`--ask` one question is answered, without the turns before it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="a checkpoint")
    parser.add_argument("image", type=Path, metavar="IMAGE", nargs="+", help="what to talk about")
    parser.add_argument("--ask", metavar="QUESTION", help="ask this, print the answer, and end")
    parser.add_argument(
        "--max-new-tokens", type=int, default=256, metavar="N", help="(%(default)s)"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")


def run(given: argparse.Namespace) -> int:
    """Answer one question, or one after the other."""
    from visionflan.dataset import IMAGE_MARKER
    from visionflan.model.generate import generate_answers, load_checkpoint
    from visionflan.model.image_processing import decode
    from visionflan.storage.instance import Turn

    images = [decode(path.read_bytes()) for path in given.image]
    checkpoint = load_checkpoint(given.checkpoint, given.device)
    turns: list[Turn] = []
    for question in questions(given.ask):
        shown = f"{IMAGE_MARKER}\n" * (0 if turns else len(images))
        turns.append(Turn("user", shown + question))
        said = generate_answers(checkpoint, [turns], [images], max_new_tokens=given.max_new_tokens)[
            0
        ]
        print(said.text, flush=True)
        turns.append(Turn("assistant", said.text))
    return 0


def questions(ask: str | None) -> Iterator[str]:
    """Yield the one question, or the lines of the input until an empty one."""
    if ask is not None:
        yield ask
        return
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line
