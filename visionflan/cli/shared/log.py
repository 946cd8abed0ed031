"""Log the progress of a command."""

import sys


def log(*lines: str) -> None:
    """Write lines to stderr, so that stdout holds results only."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)
