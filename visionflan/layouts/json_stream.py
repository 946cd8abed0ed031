"""Read JSON files that are too large to hold, one part of their outermost list or object at a time.

The questions of GQA and Visual Genome are files of about a gigabyte each.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeVar

from visionflan.errors import ReleaseError
from visionflan.layouts import require

Part = TypeVar("Part")
CHUNK = 1 << 20
# A fault of the file, and not a value cut off, lies further than this before what was read so far.
FAR = 1 << 20
BETWEEN = re.compile(r"[\s,]*")
ENDS = frozenset(",]} \t\r\n")
COLON = re.compile(r"\s*:\s*")
decode = json.JSONDecoder().raw_decode


def json_values(path: Path) -> Iterator[Any]:
    """Read the values of the list that a file holds."""
    return parts(path, "[]", value)


def json_members(path: Path) -> Iterator[tuple[str, Any]]:
    """Read the members of the object that a file holds, each name with its value."""
    return parts(path, "{}", member)


def parts(
    path: Path, brackets: str, parse: Callable[[str, int], tuple[Part, int]]
) -> Iterator[Part]:
    """Read what stands between the outermost brackets, never holding much more than one part."""
    with require(path).open(encoding="utf-8-sig") as stream:
        text = more(stream, path).lstrip()
        if not text.startswith(brackets[0]):
            raise ReleaseError(f"{path} must be JSON that begins with {brackets[0]}")
        place = 1
        while True:
            try:
                place = skip(BETWEEN, text, place)
                if text[place] == brackets[1]:
                    return
                part, place = parse(text, place)
            except (IndexError, json.JSONDecodeError) as fault:
                refuse_malformed(fault, text, path)
                text, place = text[place:] + more(stream, path), 0
            else:
                yield part


def value(text: str, place: int) -> tuple[Any, int]:
    """Read one value with what ends it, so that no number is taken for whole that is cut off."""
    found, end = decode(text, place)
    if text[end] not in ENDS:
        raise json.JSONDecodeError("neither comma nor bracket", text, end)
    return found, end


def member(text: str, place: int) -> tuple[tuple[str, Any], int]:
    """Read one name with its value."""
    name, place = decode(text, place)
    place = skip(COLON, text, place)
    found, end = value(text, place)
    return (name, found), end


def skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    """Give the place after what the pattern matches, which may be nothing."""
    match = pattern.match(text, place)
    return match.end() if match else place


def more(stream: TextIO, path: Path) -> str:
    """Read the next piece of a file that is not yet at its end."""
    try:
        text = stream.read(CHUNK)
    except UnicodeDecodeError as fault:
        raise ReleaseError(f"{path} is not text in UTF-8: {fault}") from fault
    if not text:
        raise ReleaseError(f"{path} breaks off before its end: fetch the file again")
    return text


def refuse_malformed(fault: Exception, text: str, path: Path) -> None:
    """Refuse what is no JSON, but not a value that is cut off where the text read so far ends."""
    if isinstance(fault, json.JSONDecodeError) and len(text) - fault.pos > FAR:
        near = text[max(0, fault.pos - 20) : fault.pos + 20]
        raise ReleaseError(f"{path} is not JSON: {fault.msg} near {near!r}") from fault
