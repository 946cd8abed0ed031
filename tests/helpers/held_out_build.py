"""A build of plain colors whose held-out answers are wrong, so that their loss rises at last."""

from pathlib import Path
from typing import Any

from tests.helpers.tiny_checkpoint import write_build
from visionflan.storage.instance import Instance, Turn

COUNT, TEXTS = 24, 6
# Five of `tiny/color`, four of `tiny/repeat` and two of `tiny/text`.
HELD_OUT = (0, 2, 4, 6, 8, 1, 3, 5, 7, 24, 25)


def write_held_out_build(out: Path) -> Path:
    """Write the build."""
    change: Any = dict.fromkeys(HELD_OUT, hold_out)
    return write_build(out, count=COUNT, texts=TEXTS, change=change)


def hold_out(instance: Instance) -> Instance:
    """Return an instance that is held out and whose answer is that of no other one."""
    prompt, _ = instance.turns
    return instance._replace(
        split="held_out", turns=(prompt, Turn("assistant", "a b a b")), target="a b a b"
    )
