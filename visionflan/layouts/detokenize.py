"""Join the tokens of a text that a release cut at its punctuation, as a person writes them.

Releases that were made ready for language models hold "users ' own", "is n't", "`` hybrid ''" and
"73 , 000 rooms ( many ) .": the tokens of the Penn Treebank, or something alike.
"""

import re

RULES = (
    (r"``\s*|\s*''", '"'),
    (r"(?<!\d)(\d{1,3}) , (?=000\b)", r"\1,"),
    (r"\s+('(?:s|re|ve|ll|d|m)|n't)\b", r"\1"),
    # The apostrophe of a plural, unless another one before the end of the clause makes it a quote.
    (r"(?<=s) '(?= (?![^.;:]*[^s] '(?:\s|$)))", "'"),
    (r"\s+(?=[.,;:!?%)\]]+(?:[\s\"']|$))", ""),
    (r"(?<=[(\[])\s+", ""),
    (r"(?<=[$£€])\s+(?=\d)", ""),
    (r'"\s*([^"]*?)\s*"', r'"\1"'),
    (r"\s+", " "),
)


def join_tokens(text: str) -> str:
    """Return the text without the spaces that tokens brought into it."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text.strip()
