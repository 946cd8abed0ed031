"""No message or page says "1 rows" or "row(s)"."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import visionflan
from visionflan.plural import counted, plural

PACKAGE = Path(visionflan.__file__).parent
NOUNS = re.findall(
    r"\w+",
    """answer attribute benchmark call cell comparison core dataset evaluation example field file
    finding image instance item label line marker metric option pair phrasing question record reply
    response row score step table task token verdict weight word""",
)
# "3 rows", "3 unusable rows"; not "NAME has rows".
COUNTED = re.compile(
    rf" (?!(?:about|are|has|if|share) )(?:[a-z]+ )?({'|'.join(map(plural, NOUNS))})\b(?!/)"
)
NO_NUMBER = re.compile(r".* if .* else .*|data\.split")
EITHER = re.compile(r"\w+\(e?s\)")
LIMITS = re.compile(r"[A-Z][A-Z_]+")  # a constant is never 1


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "distinct image", "2 distinct images"),
        (1, "directory", "1 directory"),
        (3000, "directory", "3,000 directories"),
    ],
)
def test_a_noun_is_in_the_plural_unless_the_number_is_1(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def wrong_plurals(source: str) -> Iterator[str]:
    """Yield "row(s)", and the nouns that a text has in the plural after a number of any size."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from EITHER.findall(node.value)
        if isinstance(node, ast.JoinedStr):
            for value, text in zip(node.values, node.values[1:], strict=False):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                    match = COUNTED.match(str(text.value))
                    name = ast.unparse(value.value)
                    if match and not LIMITS.fullmatch(name) and not NO_NUMBER.fullmatch(name):
                        yield f"{{{name}}}{match[0]}"


def test_wrong_plurals_are_detected() -> None:
    source = 'f"{len(rows)} rows"; f"{n:,} worker rows"; f"{path} has rows"; f"{MAX_ROWS} rows"'
    assert list(wrong_plurals(source)) == ["{len(rows)} rows", "{n} worker rows"]
    assert list(wrong_plurals('print(f"{n} row(s)")')) == ["row(s)"]


def test_no_message_has_a_plural_for_any_number() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        wrong = list(wrong_plurals(path.read_text(encoding="utf-8")))
        assert wrong == [], f"{path} has {wrong}: use `counted`"


def test_no_page_has_two_numbers_of_one_noun() -> None:
    files = (path for suffix in ("html", "js") for path in sorted(PACKAGE.rglob(f"*.{suffix}")))
    pages = [path for path in files if not path.name.startswith("htmx-")]  # not ours
    assert pages
    for path in pages:
        assert EITHER.findall(path.read_text(encoding="utf-8")) == [], path
