"""Find misspelled and British words with `typos`, and words that no dictionary has.

`typos` knows common misspellings alone. The dictionary of pyspellchecker finds most others; it is
for the words of instructions, since texts with many names would give false alarms.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spellchecker import SpellChecker

QUOTED_TEXT = re.compile(r'"[^"]*"')
# Those with a capital letter are names or begin a sentence.
LOWER_CASE_WORD = re.compile(r"(?<![\w'])[^\W\d_A-Z][^\W\d_]{2,}(?:'[a-z]+)?(?!\w)")
# Correct words that the dictionary does not have.
NOT_IN_DICTIONARY = {"café", "infographic", "screenshot"}

MAX_CORRECTIONS = 3

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


def unknown_words(text: str, known: Set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield words of a text that are in no dictionary, with similar words that are.

    Quoted text, words with a capital letter, and known words are left out. Without pyspellchecker,
    which the extra `check` installs, nothing is found.
    """
    if (dictionary := load_dictionary()) is None:
        return
    for match in LOWER_CASE_WORD.finditer(QUOTED_TEXT.sub(" ", text)):
        word = match[0].removesuffix("'s")
        if word not in known and word not in NOT_IN_DICTIONARY and word not in dictionary:
            yield word, tuple(sorted(dictionary.candidates(word) or ())[:MAX_CORRECTIONS])


@cache
def load_dictionary() -> "SpellChecker | None":
    """Return the English dictionary; None if pyspellchecker is not installed."""
    if find_spec("spellchecker") is None:
        return None
    from spellchecker import SpellChecker

    return SpellChecker(language="en", distance=1)


def message(word: str, corrections: tuple[str, ...]) -> str:
    """Return the message about a misspelled word."""
    if not corrections:
        return f"{word!r} is in no dictionary"
    return f"{word!r} is misspelled or not American: {' or '.join(corrections)}?"


def typos_path() -> str | None:
    """Return the path of `typos`, installed with this Python or on PATH, or None."""
    sibling = Path(sys.executable).with_name("typos")
    return shutil.which(sibling) or shutil.which("typos")
