"""Read the records of a JSON file one by one: a list, several lists in a row, or JSON lines."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import json_lines, open_text
from visionflan.layouts.json_stream import json_values

PEEKED = 1 << 16  # characters
RECORD_LISTS = ("conversations", "messages", "texts", "images")  # lists in one record
LIST_MEMBER = re.compile(r'"((?:[^"\\]|\\.)+)"\s*:\s*\[\s*\{')


def json_records(path: Path) -> Iterator[Any | BrokenRow]:
    """Yield the raw records of a file; a line that is not JSON comes as a BrokenRow."""
    start = peek(path)
    if not start:
        raise ReleaseError(f"{path} is empty: it must contain records of conversations")
    if start.startswith("["):
        yield from json_values(path)
        return
    if form := pretty_printed_object(start):
        raise ReleaseError(f"{path} is {form}")
    for entry in json_lines(path):
        yield entry if isinstance(entry, BrokenRow) else entry[1]


def peek(path: Path) -> str:
    """Return the beginning of a text file, without blanks before it."""
    with open_text(path, may_be_empty=True) as stream:
        start = ""
        while not start and (text := stream.read(PEEKED)):
            start = text.lstrip()
    return start


def pretty_printed_object(start: str) -> str | None:
    """Return what a file is that begins with an object of several lines, which are no records."""
    line = start.partition("\n")[0].rstrip()
    if not line.startswith("{") or not line.endswith(("{", "[", ",")):
        return None
    try:
        json.loads(line)
    except ValueError:
        return describe_object(start)
    except RecursionError:  # a record of too many levels, which costs itself
        return None
    return None


def describe_object(start: str) -> str:
    """Return what a file is that begins as one JSON object of several lines, and what to do."""
    member = LIST_MEMBER.search(start)
    if member is not None and member[1] not in RECORD_LISTS:
        return f"one JSON object with its list under `{member[1]}`: write that list alone to a file"
    return "one JSON object over several lines: write its records as a JSON list, or one a line"
