import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.escaping import code_span, escape_markdown, spreadsheet_cell, web_link

FORMULAS = [
    '=HYPERLINK("http://example.org","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "＝1+1",
    "- a list",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-0.5, 3, True, "-5", "+3.2", "-1e-9", "a=b", "yes", ""])
def test_numbers_and_other_text_stay_as_they_are(value: object) -> None:
    assert spreadsheet_cell(value) is value


def test_missing_data_is_an_empty_cell() -> None:
    assert spreadsheet_cell(None) == ""


@given(st.text(alphabet="=+-@ \t\r\n'\"|,ab1＝", max_size=8))
def test_a_table_of_any_text_has_no_formula_and_loses_nothing(text: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([spreadsheet_cell(text), 1])
    (row,) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert row[0] in (text, f"'{text}")
    is_number = re.fullmatch(r"[+-]?[\d.]+", text) is not None
    assert is_number or not row[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("address", ["https://example.org/a_(b)?c=d#e", "http://example.org"])
def test_addresses_of_the_web_are_links(address: str) -> None:
    assert web_link(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript://example.org/%0aalert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.org",
        "example.org",
        "https:",
        'https://example.org/" onclick="alert(1)',
        "https://example.org/> <script>",
        "https://[",
        "",
    ],
)
def test_other_addresses_are_no_links(address: str) -> None:
    assert web_link(address) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A [link](javascript:alert(1))", "A \\[link\\](javascript:alert(1))"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("**bold** and `code`", "\\*\\*bold\\*\\* and \\`code\\`"),
        ("a | b", "a \\| b"),
        ("one\n\n# two", "one # two"),
        ("snake_case and _emphasis_", "snake_case and \\_emphasis\\_"),
        ("back\\slash &lt;", "back\\\\slash &amp;lt;"),
        ("Tom & Jerry’s set (2019)", "Tom &amp; Jerry’s set (2019)"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, expected: str) -> None:
    assert escape_markdown(text) == expected


def test_a_code_span_cannot_be_closed_from_inside() -> None:
    assert code_span("a/b") == "`a/b`"
    assert code_span("a` <b> | ``c") == "``` a` <b> \\| ``c ```"
    assert "\n" not in code_span("a\n\n# b")
