"""The same word or value in one form, whatever its width, marks, quotes and separators are.

What can tell one value from another stays: signs, operators, comparisons, currencies, percent and
degree signs, decimal points, and marks that belong to a name (`C++`, `C#`, `B-`).
"""

import re
import unicodedata
from functools import lru_cache

# One character for all that differ in width, in weight, or by the habits of a keyboard.
SAME = {
    **dict.fromkeys("‐‑‒–−﹣", "-"),
    **dict.fromkeys("‘’‛ʼ′`´", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("—―", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff\u200e\u200f", ""),
}
WIDTH_VARIANTS = ("<wide>", "<narrow>")
# Punctuation that can be part of a value.
VALUE_MARKS = frozenset("#%&@/\\*+-'\".,:‰‱°†§")

DROPPED_CATEGORIES = frozenset({"Ps", "Pe", "Pi", "Pf", "Po", "Pc", "Pd", "Cc", "Cf"})
KEPT_FORMAT = "\u200c\u200d"  # joiners, which tell words of some scripts apart

BLANKS = re.compile(r"\s+")
OTHER_BLANKS = re.compile(r"\s{2,}|[^\S\n ]")  # all but one newline or space
# Forms that mean the same, replaced in this order. Letters are lower case by then, and blanks are
# single. What can begin anywhere in a long run of marks is of bounded length.
LETTER = r"[^\W\d_²³¹⁰-₟⅐-↏¼-¾]"  # not superscripts, subscripts and fractions
FORMS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # markdown around words, quotes around words
        (r"(?<!\w)(\*{1,3}|_{1,3})(?=\S)(.{1,100}?)(?<=\S)\1(?!\w)", r"\2"),
        (r"(?<!\w)\"([^\"]*)\"(?!\w)", r" \1 "),
        (r"(?<!\w)'([^']*)'(?!\w)", r" \1 "),
        # it's, dogs'; a prime after a number is a unit
        (rf"(?<={LETTER})'|'(?={LETTER})", ""),
        (r"(?<!\d)['\"]", " "),
        # 1,000,000
        (r"(?<![\d.,])\d{1,3}(?:,\d{3})++(?![\d,]*\d)", lambda match: match[0].replace(",", "")),
        (r"(?<=\d)\s*(?:percent\b|per cent\b|%)", "%"),
        (r"(?<=\d)\s+(?=°)", ""),
        (r"(?<=[$€£¥])\s+(?=\d)", ""),
        # J. K. before a name
        (
            rf"(?<![\w.])(?:{LETTER}\.\s+){{1,9}}{LETTER}\.(?=\s+{LETTER}{{2}})",
            lambda match: BLANKS.sub("", match[0]),
        ),
        # U.S., J.K.
        (
            rf"(?<![\w.]){LETTER}\.(?:{LETTER}\.)+(?!\w)",
            lambda match: match[0].replace(".", "") + " ",
        ),
        # .5, and the marks between words
        (r"(?<![\w.])\.(?=\d)", "0."),
        (r"\.(?!\d)|(?<!\d)[,:]|[,:](?!\d)", " "),
        # 5cm
        (rf"(?<![\w.])(\d+(?:\.\d+)?)(?={LETTER})", r"\1 "),
        # x - 1, 3 + 4, - 5
        (rf"(?<=\d|\b{LETTER})\s+([-+*/^×÷])\s+(?=\d|{LETTER}\b)", r"\1"),
        (r"(?<![\w.)])-\s+(?=\d)", "-"),
        # a bullet; an asterisk or a dash that no operand is next to
        (r"(?m)^\s*[-*](?=\s)", " "),
        (r"(?<![\w)])\*|\*(?![\w(])", " "),
        # red-haired, DC-10, 3-door; but 5-3, x-1
        (rf"(?<={LETTER}{{2}})-(?=\w)|(?<=\w)-(?={LETTER}{{2}})", " "),
        # DC10; F-16 and F 16 as F16, but neither x-1 and C-1+2 nor 5 m 3, and no article
        (rf"(?<={LETTER}{{2}})(?=\d)", " "),
        (rf"(?<![^\s(])(?![nxyz])({LETTER})-(?=\d++(?!\s?[+*/^=×÷]))", r"\1"),
        (rf"(?<![^\s(])(?<!\d\s)(?![anxyz])({LETTER})\s(?=\d)", r"\1"),
        (r"\s-+(?=\s|$)", " "),
        (
            rf"(?<={LETTER}{{2}})([+])(?={LETTER}{{2}})|(?<!\d)\s*(/)\s*|\s*(/)\s*(?!\d)",
            r" \1\2\3 ",
        ),
        (r"!=", "≠"),
        (r"<=", "≤"),
        (r">=", "≥"),
        (r"=", " = "),
        (r"\s*([<>≤≥≠≈~±])\s*", r" \1"),
        (r"&", " and "),
    )
)


def canonical_forms(text: str) -> str:
    """Return a text in lower case, without idle punctuation; it may be empty."""
    plain = single_blanks(lower_folded(text))
    for pattern, replacement in FORMS:
        plain, count = pattern.subn(replacement, plain)
        if count:
            plain = single_blanks(plain)
    return "".join(map(keep_value, plain))


def single_blanks(text: str) -> str:
    """Return a text with one newline or space for several; of many, patterns would take hours."""
    return OTHER_BLANKS.sub(lambda blanks: "\n" if "\n" in blanks[0] else " ", text)


def lower_folded(text: str) -> str:
    """Return a text in lower case, each character written in one way."""
    return unicodedata.normalize("NFC", fold_characters(text).lower())


def fold_characters(text: str) -> str:
    """Write each character in one way: composed, of normal width, with ASCII digits and marks.

    Not Unicode's compatibility form, which writes `5²` as `52`.
    """
    return "".join(map(fold_character, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return the usual way to write a character."""
    if character in SAME:
        return SAME[character]
    if character.isascii():
        return character
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    if unicodedata.decomposition(character).startswith(WIDTH_VARIANTS):
        return fold_character(unicodedata.normalize("NFKC", character))
    return character


@lru_cache(maxsize=4096)
def keep_value(character: str) -> str:
    """Return a character, or a space if it is punctuation that is part of no value."""
    if character in VALUE_MARKS or character in KEPT_FORMAT:
        return character
    return " " if unicodedata.category(character) in DROPPED_CATEGORIES else character
