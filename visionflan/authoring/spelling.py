"""Find misspelled words with `typos`, which only knows common misspellings: few false alarms."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from visionflan.errors import VisionflanError

# Correct words that typos takes for misspellings: surnames, venues, owners' own file names.
CORRECT = frozenset[str]()


def misspelled(texts: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name of the text, the misspelled word and its corrections."""
    lines = [(name, line) for name, text in texts.items() for line in text.splitlines()]
    done = subprocess.run(
        [program(), "--isolated", "--format", "json", "-"],
        input="\n".join(line for _, line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    for report in map(json.loads, done.stdout.splitlines()):
        if report.get("type") == "typo" and report["typo"] not in CORRECT:
            yield lines[report["line_num"] - 1][0], report["typo"], report["corrections"]


def program() -> str:
    """Find the program beside this Python or on PATH."""
    beside = Path(sys.executable).with_name("typos")
    if path := shutil.which(beside) or shutil.which("typos"):
        return path
    raise VisionflanError("spelling needs the extra `check`: pip install 'visionflan[check]'")
