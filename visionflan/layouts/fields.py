"""Read the fields of a record with their types, so that no other value passes as an answer.

JSON has null, NaN and nested values where a release should have a word; `str` would make answers of
them. Each function here takes a record and the path to a field in it, such as
`text(record, "output", "answer")`, and raises FieldError with the path and what is there instead.
`read_records` turns that error into a BrokenRow, which names the file, the record and the field.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from typing import Any, TypeVar

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError

Item = TypeVar("Item")
Step = str | int

MAX_INTEGER = 1 << 63
SHORT = 60
JSON_WORDS = {"None": "null", "True": "true", "False": "false"}
# What a parser of records can raise: SyntaxError comes with XML, the last one with deep nesting.
MALFORMED = (
    ReleaseError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    SyntaxError,
    RecursionError,
)


class FieldError(ValueError):
    """A field of a record is missing, or has a value of another type."""


@dataclass(frozen=True)
class MalformedValue:
    """Stands in a record for a value that JSON allows and no release means.

    Attributes:
        reason: A reason code of the ledger.
        description: What is wrong with it.
        count: How often it is written.
    """

    reason: str
    description: str
    count: int = 1


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; a key that it repeats has a MalformedValue."""
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                description = f"written {count} times in one object"
                members[name] = MalformedValue("repeated_key", description, count)
    return members


def short_integer(digits: str) -> int | MalformedValue:
    """Parse an integer, unless it has more digits than Python converts."""
    try:
        return int(digits)
    except ValueError:
        return MalformedValue("malformed_record", f"an integer of {len(digits):,} digits")


def value(record: object, *path: Step) -> Any:
    """Return the value at a path of names and indices, of any type."""
    if len(path) == 1 and type(record) is dict and path[0] in record:
        return record[path[0]]  # what nearly all calls need, for millions of answers
    current: Any = record
    for depth, step in enumerate(path):
        if isinstance(step, str):
            if not isinstance(current, dict):
                raise wrong(path[:depth], "an object", current)
        elif not isinstance(current, list | tuple):
            raise wrong(path[:depth], "a list", current)
        try:
            current = current[step]
        except LookupError as error:
            raise FieldError(f"there is no {name_of(path[: depth + 1])}") from error
    return current


def text(record: object, *path: Step) -> str:
    """Return a text, which can be empty."""
    words = value(record, *path)
    if not isinstance(words, str):
        raise wrong(path, "a text", words)
    return encodable(words, path)


def optional_text(record: object, *path: Step) -> str:
    """Return a text; an empty one if the field is absent or null."""
    *parent, name = path
    holder = value(record, *parent)
    if isinstance(holder, dict) and holder.get(name) is None:
        return ""
    return text(record, *path)


def identifier(record: object, *path: Step) -> str:
    """Return an identifier, which releases write as a text or as an integer."""
    name = value(record, *path)
    if isinstance(name, str) and name:
        return encodable(name, path)
    if isinstance(name, int) and not isinstance(name, bool) and abs(name) < MAX_INTEGER:
        return f"{name}"
    raise wrong(path, "an identifier", name)


def integer(record: object, *path: Step) -> int:
    """Return an integer, which releases also write as a text or as a float."""
    number = value(record, *path)
    if isinstance(number, str) and len(number) < SHORT:
        digits = number.strip()
        if digits.removeprefix("-").isdecimal():
            number = int(digits)
    elif isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) < MAX_INTEGER:
        return number
    raise wrong(path, "an integer", number)


def number(record: object, *path: Step) -> float:
    """Return a finite number, which can be written as a text."""
    parsed = value(record, *path)
    if isinstance(parsed, str) and len(parsed) < SHORT:
        try:
            parsed = float(parsed)
        except ValueError as error:
            raise wrong(path, "a number", parsed) from error
    if isinstance(parsed, int) and not isinstance(parsed, bool) and abs(parsed) < MAX_INTEGER:
        return float(parsed)
    if isinstance(parsed, float) and isfinite(parsed):
        return parsed
    raise wrong(path, "a number", parsed)


def answer(record: object, *path: Step) -> str:
    """Return an answer, which releases write as a text, as a number, or as true or false."""
    words = value(record, *path)
    if isinstance(words, str):
        return encodable(words, path)
    if isinstance(words, int) and abs(words) < MAX_INTEGER:
        return str(words)
    if isinstance(words, float) and isfinite(words):
        return str(words)
    raise wrong(path, "an answer", words)


def flag(record: object, *path: Step) -> bool:
    """Return true or false, which releases also write as 1 or 0."""
    state = value(record, *path)
    if isinstance(state, int) and state in (0, 1):
        return bool(state)
    raise wrong(path, "true or false", state)


def mapping(record: object, *path: Step) -> dict[str, Any]:
    """Return an object."""
    members = value(record, *path)
    if not isinstance(members, dict):
        raise wrong(path, "an object", members)
    return members


def items(record: object, *path: Step) -> list[Any]:
    """Return a list of values of any type."""
    values = value(record, *path)
    if not isinstance(values, list):
        raise wrong(path, "a list", values)
    return values


def text_list(record: object, *path: Step) -> tuple[str, ...]:
    """Return a list of texts."""
    count = len(items(record, *path))
    return tuple(text(record, *path, index) for index in range(count))


def answer_list(record: object, *path: Step) -> tuple[str, ...]:
    """Return a list of answers."""
    count = len(items(record, *path))
    return tuple(answer(record, *path, index) for index in range(count))


def number_list(record: object, *path: Step) -> list[float]:
    """Return a list of finite numbers."""
    count = len(items(record, *path))
    return [number(record, *path, index) for index in range(count)]


def choice(record: object, name: Step, choices: tuple[str, ...]) -> str:
    """Return the choice that an index in a field of the record points at."""
    index = integer(record, name)
    if not 0 <= index < len(choices):
        raise FieldError(f"{name} is {index}, but there are {len(choices)} choices")
    return choices[index]


def encodable(words: str, path: tuple[Step, ...]) -> str:
    """Return a text unless it contains half of a surrogate pair, which no file can store."""
    if words.isascii():
        return words
    try:
        words.encode()
    except UnicodeEncodeError as error:
        half = f"{ord(words[error.start]):04X}"
        raise FieldError(f"{name_of(path)} contains half of a character, U+{half}") from error
    return words


def wrong(path: tuple[Step, ...], expected: str, actual: object) -> FieldError:
    """Return the error for a value of another type than expected."""
    return FieldError(f"{name_of(path)} is {describe(actual)}, not {expected}")


def name_of(path: tuple[Step, ...]) -> str:
    """Return a path as one writes it in code, such as `output.answer[0]`."""
    if not path:
        return "it"
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def describe(actual: object) -> str:
    """Return a value of JSON as it is written there, cut short."""
    if isinstance(actual, MalformedValue):
        return actual.description
    if isinstance(actual, dict | list):
        return "an object" if isinstance(actual, dict) else "a list"
    if isinstance(actual, int | float) and not -MAX_INTEGER < actual < MAX_INTEGER:
        return "NaN" if isnan(actual) else "a number of more than 64 bits"
    return JSON_WORDS.get(f"{actual}", f"{actual!r}"[:SHORT])


def parse_record(
    key: str, location: str, parse: Callable[..., Item], *arguments: Any
) -> Item | BrokenRow:
    """Return what `parse` makes of its arguments, or a BrokenRow that says what is wrong."""
    try:
        return parse(*arguments)
    except MALFORMED as error:
        own = isinstance(error, FieldError | ReleaseError)
        detail = f"{error}" if own else f"{type(error).__name__} {error}"
        return BrokenRow(key, "malformed_record", f"{location}: {detail}")


def read_records(
    path: Path, records: Iterable[tuple[Step, Any] | BrokenRow], parse: Callable[[Any], Item]
) -> Iterator[Item | BrokenRow]:
    """Yield what `parse` makes of each record; they come with a number or a name each.

    A record that is already broken, or that `parse` cannot read, comes as a BrokenRow.
    """
    for entry in records:
        if isinstance(entry, BrokenRow):
            yield entry
            continue
        name, record = entry
        key, location = f"{path.name}:{name}", f"record {name} of {path}"
        if isinstance(record, MalformedValue):
            for occurrence in range(record.count):
                detail = f"{location}: it is {record.description}"
                yield BrokenRow(f"{key}#{occurrence}", record.reason, detail)
        elif isinstance(record, BrokenRow):
            yield record
        else:
            yield parse_record(key, location, parse, record)


def read_row_lists(
    path: Path,
    records: Iterable[tuple[Step, Any] | BrokenRow],
    parse: Callable[[Any], Iterable[Item]],
) -> Iterator[Item | BrokenRow]:
    """Yield all rows that `parse` makes of each record, or a BrokenRow for the record."""
    for rows in read_records(path, records, lambda record: list(parse(record))):
        if isinstance(rows, BrokenRow):
            yield rows
        else:
            yield from rows
