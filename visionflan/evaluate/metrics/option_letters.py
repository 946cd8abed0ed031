"""Find the letter of an option that an answer states, in the ways that people and models write it.

Read are the forms of the official rules of MMBench (open-compass/VLMEvalKit, `can_infer_option`)
and MMMU (`parse_multi_choice_response`), and more. Two of their readings are not ways of naming an
option, and are left out: MMBench's takes `The answer is a dog` and `A dog` for a choice of `A`, and
MMMU's takes the last of several letters.
"""

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase
from typing import NamedTuple

from visionflan.evaluate.metrics.normalization import EXPLANATION
from visionflan.evaluate.metrics.word_forms import single_blanks

MARKUP = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:boxed|fbox|text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", r"(\1)"),
        (r"\\(?:boxed|fbox|text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", r"(\1)"),
        (r"\(\s*\(\s*(\w)\s*\)\s*\)", r"(\1)"),
        (r"(?s)<(answer|option|choice)>\s*(.*?)\s*(?:</\1>|$)", r"answer: \2" + "\n"),
        (r"\$\s*(\(?\w\)?)\s*\$", r"\1"),
        (r"[*`\"“”]+|(?<!\w)['‘’]+|['‘’]+(?!\w)|(?<!\w)_+|_+(?!\w)", ""),
    )
)
# What may follow a letter that could as well be a word.
PAUSE = r"[^\S\n]*(?:$|\n|[)\]}>.:,;!?=/&-])"
PAUSE_OR_VERB = (
    rf"(?:{PAUSE}|\s+(?:because|since|as|is|was|would|seems|looks|must|or|and|nor|here|I)\b)"
)
LIST = r"(?:\(?\b[a-z]\b\)?\s*(?:or|nor)\s+)*"
DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|except|rather than|instead of|(?:any|every)thing but|all but)"
    r"|n't)\s+"
    rf"(?:(?:the|be|is|in|option|choice|answer|letter)\s+)*{LIST}[(\[{{]?\s*$",
    re.IGNORECASE,
)
DENIED_BEHIND = re.compile(
    r"[)\]}>]*\s+(?:(?:is|was|are|would be|can|could|does|looks|seems)\s+(?:clearly\s+)?"
    r"(?:not|never|wrong|incorrect|false|be ruled out|ruled out)\b"
    r"|(?:is|was|does|ca|could|would)n['’]t\b|cannot\b)",
    re.IGNORECASE,
)
MAX_DENIAL = 200  # characters; without a limit, a long run of letters takes minutes
SEPARATOR = re.compile(r"\s*[)\]}>.:]+\s*|\s+[-–—]\s+")


class StatedLetter(NamedTuple):
    """The position of the option that is stated, and what stands before and behind its letter.

    `is_label`: whether a separator such as `)` says that this is the text of the option.
    """

    position: int
    before: str
    behind: str
    is_label: bool


class SeveralLetters(NamedTuple):
    """More than one letter is stated, and none of them is the conclusion."""


def read_letter(answer: str, options: Sequence[str]) -> StatedLetter | SeveralLetters | None:
    """Find the letter that an answer states; None if there is none.

    Letters that are denied (`not B`, `B is wrong`) do not count. What is said before an explanation
    counts more than what is said in it, and `the answer is ...` more than all.
    """
    text = unwrap(answer)
    masked = mask_letters_of(options, text)
    forms = LetterForms(len(options))
    conclusions = affirmed(forms.conclusion, masked)
    if conclusions:
        return one_letter(forms, text, conclusions[-1:])
    head = EXPLANATION.split(masked, maxsplit=1)[0]
    for part in dict.fromkeys((head, masked)):
        for form in (forms.listed, forms.chosen, forms.alone):
            if matches := affirmed(form, part):
                return one_letter(forms, text, matches)
    return None


class LetterForms:
    """The patterns of statements of a letter; the last group of a match is the letter.

    Attributes:
        other: a letter that is named in one breath with the one before.
        conclusion: `the answer is B`.
        listed: `(b)`, `B)`, `B. a blue bus`, or a letter that is a line.
        chosen: `option B`, `I choose B`, `it is B`.
        alone: a capital letter anywhere, or a small one at the beginning.
    """

    def __init__(self, count: int) -> None:
        capitals = ascii_uppercase[:count]
        clear = "".join(letter for letter in capitals if letter not in "AI") or "\0"
        any_case = capitals + capitals.lower()
        # `A` and `I` are words as well, and so are small letters for all that a pattern knows.
        pronoun = rf"[Ii](?={PAUSE})|" if "I" in capitals else ""
        unsure = rf"(?:{pronoun}(?![Ii])[{any_case}](?={PAUSE_OR_VERB}))"
        either = rf"(?:(?:(?:[{clear}]|(?<=[a-z]\s)A)(?![\w'’+#])|{unsure})(?!\w))"
        verb = (
            r"(?:(?:\s+(?:is|would be|should be|must be|has to be|will be))?\s*(?:[:=]|-+>)?|\s)\s*"
        )
        noun = r"(?:(?:option|choice|letter)\s*)?[(\[{<]?\s*"
        best = r"(?:answer|(?:correct|right|best) (?:one|option|choice))"
        chosen = (
            r"(?:option|choice|letter|choose|pick|select|go(?:ing)? (?:with|for)|it is|it['’]s)"
        )
        self.other = re.compile(
            rf"[)\]}}>]*\s*(?:,|/|&|\bor\b|\band\b)(?:\s*(?:or|and|option))*\s*[(\[]?({either})"
        )
        self.conclusion = re.compile(rf"(?i:\b{best}{verb}{noun})({either})")
        self.chosen = re.compile(rf"(?i:\b{chosen}{verb}{noun})({either})")
        self.listed = re.compile(
            rf"[(\[{{<]\s*([{any_case}])\s*[)\]}}>]"
            rf"|(?:^|(?<=\n))\s*([{any_case}])(?=\s*[).:\]]+(?!\w)|\s*(?:$|\n))"
            rf"|(?<![\w(])([{capitals}])(?=\s*[):\]]+\s*\w|\.\s+\w)"
        )
        self.alone = re.compile(
            rf"(?<![\w'’.-])({either})(?<![a-z])(?![+#]|-\w)|^([{clear.lower()}])(?![\w'’.+#])"
        )


def unwrap(answer: str) -> str:
    """Return an answer with plain characters, without markup around letters and words."""
    text = single_blanks(unicodedata.normalize("NFKC", answer).strip())
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    return single_blanks(text).strip()


def mask_letters_of(options: Sequence[str], text: str) -> str:
    """Hide the options that have a letter of their own, such as `Vitamin C`, in a text."""
    for option in options:
        if re.search(r"\w\W+[A-Z]\b(?!\w)", option):
            text = re.sub(re.escape(option), lambda match: "\0" * len(match[0]), text)
    return text


def affirmed(form: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Return the matches of a form whose letter is not denied."""
    return [
        match
        for match in form.finditer(text)
        if not is_denied(text, *match.span(match.lastindex or 0))
    ]


def is_denied(text: str, start: int, end: int) -> bool:
    """Return whether the words around the letter at `start` deny it."""
    before = DENIED_BEFORE.search(text, max(0, start - MAX_DENIAL), start)
    return before is not None or DENIED_BEHIND.match(text, end) is not None


def one_letter(
    forms: LetterForms, text: str, matches: Sequence[re.Match[str]]
) -> StatedLetter | SeveralLetters:
    """Return the letter of all matches, unless they differ or the next word is another one."""
    letters = {match[match.lastindex or 0].upper() for match in matches}
    start, end = matches[0].span(matches[0].lastindex or 0)
    behind = text[end:]
    if following := forms.other.match(behind):
        letters.add(following[1].upper())
    if len(letters) > 1:
        return SeveralLetters()
    separator = SEPARATOR.match(behind)
    return StatedLetter(
        ascii_uppercase.index(letters.pop()),
        text[:start].rpartition("\n")[2],
        behind[separator.end() if separator else 0 :].partition("\n")[0],
        separator is not None,
    )
