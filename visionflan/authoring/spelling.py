"""Find misspelled and British words with `typos`.

It only knows common misspellings, so there are few false alarms.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# Correct words that typos takes for misspellings, with the reason why they are used.
CORRECT = {
    "cardinalis": "the scientific name of a bird",
}


def find_misspellings(texts: Mapping[str, str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the name of the text, the misspelled word and its corrections.

    Without `typos`, which the extra `check` installs, nothing is found.
    """
    if (program := typos_path()) is None:
        return
    lines = [(name, line) for name, text in texts.items() for line in text.splitlines()]
    done = subprocess.run(
        [program, "--isolated", "--locale", "en-us", "--format", "json", "-"],
        input="\n".join(line for _, line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    for report in map(json.loads, done.stdout.splitlines()):
        if report.get("type") == "typo" and report["typo"].lower() not in CORRECT:
            yield lines[report["line_num"] - 1][0], report["typo"], tuple(report["corrections"])


def message(word: str, corrections: tuple[str, ...]) -> str:
    """Return what is said about a misspelled word."""
    return f"{word!r} is misspelled or not American: {' or '.join(corrections)}?"


def typos_path() -> str | None:
    """Return the path of `typos`, installed with this Python or on PATH, or None."""
    sibling = Path(sys.executable).with_name("typos")
    return shutil.which(sibling) or shutil.which("typos")
