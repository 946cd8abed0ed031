"""Write text as a string of Python, in the form that the dataset files and their formatter have."""

import textwrap
from typing import NamedTuple

WIDTH = 100
QUOTES = '"""'


class LiteralForm(NamedTuple):
    """The form of a string, which depends on the code around it.

    Attributes:
        column: of its first character.
        indent: the blanks before the lines of a string in triple quotes.
        newline: the end of a line.
        encoding: of the file; what it does not have is escaped.
        triple: whether the string is in triple quotes.
    """

    column: int
    indent: str
    newline: str
    encoding: str
    triple: bool


def phrasing_literal(text: str, form: LiteralForm) -> str:
    """Return a phrasing as a string: wrapped in triple quotes, or in quotes if it fits the line."""
    quoted = quoted_literal(text, form.encoding)
    fits = "\n" not in text and form.column + len(quoted) < WIDTH
    if fits and not form.triple:
        return quoted
    lines = [QUOTES]
    for number, paragraph in enumerate(text.split("\n")):
        escaped = escape_text(paragraph, form.encoding).replace(QUOTES, '\\"\\"\\"')
        lines += [""] if number else []
        lines += textwrap.wrap(
            escaped,
            WIDTH,
            initial_indent=form.indent,
            subsequent_indent=form.indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines.append(form.indent + QUOTES)
    return form.newline.join(lines)


def quoted_literal(text: str, encoding: str) -> str:
    """Return text as a string of one line; in the quotes that need fewer escapes, as Ruff does."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + escape_text(text, encoding).replace(quote, f"\\{quote}") + quote


def escape_text(text: str, encoding: str) -> str:
    r"""Return text with escapes for `\` and for what does not print or is not in the encoding."""
    return "".join(
        one if one != "\\" and is_writable(one, encoding) else escaped(one) for one in text
    )


def is_writable(character: str, encoding: str) -> bool:
    """Return whether a character can be in a file as it is."""
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return character.isprintable()


def escaped(character: str) -> str:
    """Return the escape of a character."""
    return character.encode("unicode_escape").decode("ascii")
