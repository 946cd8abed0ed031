"""Stream JSON files that are too large to load, one value of a list or object at a time.

The questions of GQA and Visual Genome are files of about a gigabyte each. The annotations of
VQAv2's training split are 356 MB of JSON, which would take gigabytes as Python objects; streaming
them was measured to add 93 MB to the process.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeVar

from visionflan.errors import ReleaseError
from visionflan.layouts import MAX_VALUE, not_text, open_text
from visionflan.layouts.fields import MalformedValue, short_integer, unique_members

Item = TypeVar("Item")
Parser = Callable[[str, int], tuple[Item, int]]

CHUNK = 1 << 20
# A value cut off by the end of a chunk fails to parse near that end, or at the start of the string
# that is cut off. Another error further back than this is one of the file.
MAX_LOOKBACK = 1 << 20
CUT_OFF = "Unterminated string"
BETWEEN = re.compile(r"[\s,]*")
DELIMITERS = frozenset(",]} \t\r\n")
COLON = re.compile(r"\s*:\s*")
NESTING = re.compile(r'[\[{}\]]|"[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
decode = json.JSONDecoder(object_pairs_hook=unique_members).raw_decode
decode_integers = json.JSONDecoder(
    object_pairs_hook=unique_members, parse_int=short_integer
).raw_decode


def json_values(path: Path) -> Iterator[Any]:
    """Yield the values of a file that contains one JSON list, or several one after the other."""
    with open_text(path) as stream:
        window = Window(stream, path)
        window.open_bracket("[")
        yield from window.items("]", parse_value)
        while window.opens_again("["):
            yield from window.items("]", parse_value)


def json_members(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each member of a file of one JSON object, or of several."""
    with open_text(path) as stream:
        window = Window(stream, path)
        window.open_bracket("{")
        yield from window.items("}", parse_member)
        while window.opens_again("{"):
            yield from window.items("}", parse_member)


def json_field_values(path: Path, field: str) -> Iterator[Any]:
    """Yield the values of the first list named `field` in a file."""
    with open_text(path) as stream:
        window = Window(stream, path)
        window.find_list(field)
        yield from window.items("]", parse_value)


class Window:
    """The part of a JSON file that is in memory; `text[index:]` is still to be parsed."""

    def __init__(self, stream: TextIO, path: Path) -> None:
        self.stream, self.path = stream, path
        self.text, self.index, self.count = "", 0, 0

    def open_bracket(self, bracket: str) -> None:
        """Move past the bracket that the file begins with."""
        self.text = self.read(CHUNK, "it is empty").lstrip()
        if not self.text.startswith(bracket):
            raise ReleaseError(f"{self.path} must be JSON that begins with {bracket}")
        self.index = 1

    def opens_again(self, bracket: str) -> bool:
        """Move past another such bracket after the closed one; return False at the file's end."""
        self.text = self.text[self.index :].lstrip()
        while not self.text and (more := self.stream.read(CHUNK)):
            self.text = more.lstrip()
        self.index = 1
        if self.text and not self.text.startswith(bracket):
            raise ReleaseError(
                f"{self.path} goes on after its end with {self.text[:20]!r}: download it again"
            )
        return bool(self.text)

    def find_list(self, field: str) -> None:
        """Move past the opening bracket of the list named `field`."""
        opening = re.compile(rf'"{re.escape(field)}"\s*:\s*\[')
        while (match := opening.search(self.text)) is None:
            more = self.read(CHUNK, f"it has no list {field!r}")
            self.text = self.text[-MAX_LOOKBACK:] + more
        self.index = match.end()

    def items(self, bracket: str, parse: Parser[Item]) -> Iterator[Item]:
        """Yield what `parse` returns for each item, up to the closing bracket."""
        while True:
            try:
                start = skip(BETWEEN, self.text, self.index)
                if self.text[start] == bracket:
                    self.index = start + 1
                    return
                item, self.index = parse(self.text, start)
            except (IndexError, json.JSONDecodeError) as error:
                self.extend(error)
            else:
                self.count += 1
                yield item

    def extend(self, error: IndexError | json.JSONDecodeError) -> None:
        """Read more text after a truncated value; raise ReleaseError if the JSON is malformed."""
        position = error.pos if isinstance(error, json.JSONDecodeError) else len(self.text)
        context = f"{self.text[max(0, position - 20) : position + 20]!r}"
        position_text = (
            f"after value {self.count}, near {context}" if self.text else "at its beginning"
        )
        unread = len(self.text) - self.index
        if unread > MAX_VALUE:
            raise ReleaseError(
                f"{self.path} has a value of more than {MAX_VALUE:,} characters {position_text}"
            )
        is_cut_off = isinstance(error, json.JSONDecodeError) and error.msg.startswith(CUT_OFF)
        if len(self.text) - position > MAX_LOOKBACK and not is_cut_off:
            raise ReleaseError(f"{self.path} is not valid JSON {position_text}: {error}") from error
        more = self.read(max(CHUNK, unread), f"it is truncated or malformed {position_text}")
        self.text, self.index = self.text[self.index :] + more, 0

    def read(self, size: int, problem: str) -> str:
        """Return the next characters; raise ReleaseError with `problem` at the end of the file."""
        try:
            text = self.stream.read(size)
        except UnicodeDecodeError as error:
            raise not_text(self.path) from error
        if not text:
            raise ReleaseError(f"{self.path} is incomplete: {problem}; download it again")
        return text


def parse_value(text: str, index: int) -> tuple[Any, int]:
    """Parse one value and check its delimiter, so that a truncated number is not accepted.

    An integer of more digits than Python converts, and a value of too many levels, become a
    MalformedValue.
    """
    try:
        value, end = decode(text, index)
    except json.JSONDecodeError:
        raise
    except ValueError:
        value, end = decode_integers(text, index)
    except RecursionError:
        value = MalformedValue("malformed_record", "nested too deeply")
        end = end_of_nested(text, index)
    if text[end] not in DELIMITERS:
        raise json.JSONDecodeError("expected a comma or a closing bracket", text, end)
    return value, end


def end_of_nested(text: str, index: int) -> int:
    """Return the index after a list or an object, without parsing it."""
    depth = 0
    for token in NESTING.finditer(text, index):
        if token[0].startswith('"'):
            if not token[1]:
                break
            continue
        depth += 1 if token[0] in "[{" else -1
        if depth == 0:
            return token.end()
    raise json.JSONDecodeError("expected a closing bracket", text, len(text))


def parse_member(text: str, index: int) -> tuple[tuple[str, Any], int]:
    """Parse one name with its value."""
    name, end = decode(text, index)
    value, end = parse_value(text, skip(COLON, text, end))
    return (name, value), end


def skip(pattern: re.Pattern[str], text: str, index: int) -> int:
    """Return the index after a match of the pattern, or `index` if there is none."""
    match = pattern.match(text, index)
    return match.end() if match else index
