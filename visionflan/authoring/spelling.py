"""Find misspelt words with `typos`, a list of known slips that knows no false alarms on names."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from visionflan.errors import VisionflanError

# Right words that the list takes for slips: surnames, venues, owners' own file names.
RIGHT = frozenset[str]()


def misspelt(texts: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Give the name of the text, the misspelt word and its corrections."""
    lines = [(name, line) for name, text in texts.items() for line in text.splitlines()]
    done = subprocess.run(
        [program(), "--format", "json", "-"],
        input="\n".join(line for _, line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    for found in map(json.loads, done.stdout.splitlines()):
        if found.get("type") == "typo" and found["typo"] not in RIGHT:
            yield lines[found["line_num"] - 1][0], found["typo"], found["corrections"]


def program() -> str:
    """Find the program beside this Python or on the path."""
    beside = Path(sys.executable).with_name("typos")
    if found := shutil.which(beside) or shutil.which("typos"):
        return found
    raise VisionflanError("spelling needs the extra `check`: pip install 'visionflan[check]'")
