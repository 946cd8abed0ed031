"""Escape text of others for what shows it: terminals, spreadsheets, browsers, Markdown."""

import re
from urllib.parse import urlsplit

# What spreadsheets take for the beginning of a formula; some skip blanks and full-width forms.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
LINK_SCHEMES = ("http", "https")
UNSAFE_IN_LINK = re.compile(r"[\s<>\"'`\\\x00-\x1f\x7f]")
# An underscore within a word is no markup.
MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def spreadsheet_cell(value: object) -> object:
    """Return a value as a cell of CSV that no spreadsheet evaluates; None is an empty cell.

    Text that begins like a formula gets an apostrophe, which spreadsheets take for "text". Numbers,
    and text that is a number, stay as they are.
    """
    if value is None:
        return ""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def one_line(text: str) -> str:
    """Return text as one line in which each character that does not print is escaped."""
    return escape_unprintable(" ".join(text.split()))


def escape_unprintable(text: str) -> str:
    """Return text in which each character that does not print is escaped, such as a line end."""
    if text.isprintable():
        return text
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(escaped)


def web_link(address: str) -> str:
    """Return an address that a page may link to; "" unless it is one of the web."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_web = parts.scheme in LINK_SCHEMES and bool(parts.netloc)
    return address if is_web and not UNSAFE_IN_LINK.search(address) else ""


def escape_markdown(text: str) -> str:
    """Return text as one line of Markdown that shows it as it is, without markup or HTML."""
    line = " ".join(text.split())
    line = re.sub("[&<>]", lambda match: ENTITIES[match[0]], line)
    return MARKUP.sub(lambda match: f"\\{match[0]}", line)


def code_span(text: str) -> str:
    """Return text as a code span of Markdown, which also stands in a cell of a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest else f"`{line}`"
