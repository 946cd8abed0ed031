"""Parse Python in one thread at a time.

Python 3.11 can fail where two threads parse at the same time: it counts the depth of the syntax
trees of all of them together. So whatever the web pages run is parsed here.
"""

import ast
from pathlib import Path
from threading import Lock
from typing import Any

parsing = Lock()


def parse_python(source: str | bytes, file: Path | str = "<unknown>") -> ast.Module:
    """Return the syntax tree of a source; raise what `ast.parse` raises."""
    with parsing:
        return ast.parse(source, file)


def literal_value(text: str) -> Any:
    """Return the value of a literal; raise what `ast.literal_eval` raises."""
    with parsing:
        return ast.literal_eval(text)
