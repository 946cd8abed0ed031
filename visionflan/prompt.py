"""Render an example as a conversation, and parse one; no other module knows the prompt format."""

import re
from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Literal, NamedTuple

from visionflan.dataset import IMAGE_MARKER, Example
from visionflan.errors import UnusableError
from visionflan.hashing import shuffled, stable_hash
from visionflan.plural import counted
from visionflan.storage.instance import Turn

PromptStyle = Literal["visionflan", "official"]
PhrasingChoice = Literal["first", "all"]

# The paper's release shows options without asking for a form, and its answers are letter and text.
OPTION_FORM = "Answer with the letter and the text of the correct option."


LETTERED_LINE = re.compile(r"\s*\(?([A-Z])[.):]\s+(\S.*)")

# White space that separates an image from a text, also in the chat templates.
BLANKS = (" ", "\n", "\t")


class RenderedExample(NamedTuple):
    """An example as a conversation of two turns, and its options in the order of the prompt."""

    turns: tuple[Turn, Turn]
    options: tuple[str, ...]


def render(
    instruction: str,
    example: Example,
    *identity: str | int,
    style: PromptStyle = "visionflan",
) -> RenderedExample:
    """Render an example in the paper's style (section 2.1 and Appendix J).

    The prompt is instruction, blank line, text, `Options: (a) ... (b) ...` and the form of the
    answer, with all image markers first or last; the answer to a question with options is letter
    and text. The style `official` leaves the form of the answer out, as the paper's release does.
    The order of options and the position of the markers are chosen by the hash of `identity`.
    """
    options = tuple(shuffled(example.options, *identity, "options"))
    text = build_prompt(instruction, example.text, options, style)
    markers = "\n".join([IMAGE_MARKER] * len(example.images))
    markers_first = stable_hash(*identity, "marker") % 2 == 0
    prompt = f"{markers}\n{text}" if markers_first else f"{text}\n{markers}"
    answer = format_option(options, example.target) if options else example.target
    return RenderedExample((Turn("user", prompt), Turn("assistant", answer)), options)


def choose_phrasing(phrasings: Sequence[str], *identity: str | int) -> str:
    """Return the phrasing of an instruction that the hash of `identity` chooses."""
    return phrasings[stable_hash(*identity, "phrasing") % len(phrasings)]


def find_phrasing(prompt: str, phrasings: Sequence[str]) -> int | None:
    """Return the index of the phrasing that begins a rendered prompt, or None."""
    text = strip_image_markers(prompt)
    matches = [n for n, phrasing in enumerate(phrasings) if starts_with(text, phrasing)]
    return max(matches, key=lambda n: len(phrasings[n])) if matches else None


def starts_with(text: str, phrasing: str) -> bool:
    """Return whether a prompt is this phrasing, alone or before the rest of the prompt."""
    return text == phrasing or text.startswith(f"{phrasing}\n\n")


def replace_phrasing(prompt: str, own: str, other: str) -> str:
    """Return a rendered prompt with another phrasing of its instruction."""
    before, _, after = prompt.partition(own)
    return f"{before}{other}{after}"


def build_prompt(
    instruction: str, text: str, options: tuple[str, ...], style: PromptStyle = "visionflan"
) -> str:
    """Return the prompt without image markers."""
    if len(options) > len(ascii_lowercase):
        raise UnusableError(
            "too_many_options", f"{counted(len(options), 'option')}, but only 26 letters"
        )
    options_text = " ".join(
        f"({letter}) {option}" for letter, option in zip(ascii_lowercase, options, strict=False)
    )
    parts = [text] if text else []
    if options:
        parts.append(f"Options: {options_text}")
        parts += [OPTION_FORM] if style == "visionflan" else []
    body = "\n".join(parts)
    return f"{instruction}\n\n{body}" if body else instruction


def format_option(options: tuple[str, ...], target: str) -> str:
    """Return an option with its letter, as in `(b) a dog`."""
    return f"({ascii_lowercase[options.index(target)]}) {target}"


def split_at_images(text: str) -> list[dict[str, str]]:
    """Return the parts of a turn as in messages of `transformers`: images, and texts between.

    A newline between an image and a text or another image is left out: standard messages have
    none, so the chat template writes it. Other white space there stays in the text, and the
    template then writes no newline.
    """
    pieces = text.split(IMAGE_MARKER)
    parts: list[dict[str, str]] = []
    for index, piece in enumerate(pieces):
        if index:
            parts.append({"type": "image"})
        between = trim_newlines(piece, after=index > 0, before=index < len(pieces) - 1)
        if between:
            parts.append({"type": "text", "text": between})
    return parts


def trim_newlines(text: str, *, after: bool, before: bool) -> str:
    """Return a text without the newline that alone separates it from an image at either end."""
    if text == "\n" and after and before:
        return ""
    if after and text[1:2] not in ("", *BLANKS):
        text = text.removeprefix("\n")
    if before and text[-2:-1] not in ("", *BLANKS):
        text = text.removesuffix("\n")
    return text


def join_at_images(parts: Sequence[str]) -> str:
    """Return a turn of texts and image markers, with the newlines that chat templates write."""
    turn = ""
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else " "
        touches = before[-1:] not in BLANKS and part[:1] not in BLANKS
        turn += "\n" * (touches and IMAGE_MARKER in (before, part)) + part
    return turn


class ParsedExchange(NamedTuple):
    """The parts of a rendered exchange; the options are in the order of the prompt."""

    instruction: str
    text: str
    options: tuple[str, ...]
    target: str


def parse(prompt: str, answer: str) -> ParsedExchange | None:
    """Parse a rendered exchange; return None if its options are ambiguous."""
    instruction, _, body = strip_image_markers(prompt).partition("\n\n")
    before, separator, options_text = f"\n{body or instruction}".rpartition("\nOptions: ")
    if not separator:
        return ParsedExchange(instruction, body, (), answer)
    text = before.removeprefix("\n")
    options_text = options_text.removesuffix(f"\n{OPTION_FORM}")
    for candidate in (options_text, options_text.rstrip()):
        options = parse_options(candidate)
        for letter, option in zip(ascii_lowercase, options, strict=False):
            if answer == f"({letter}) {option}":
                parts = (instruction, text) if body else (text, "")
                return ParsedExchange(*parts, options, option)
    return None


def parse_option_lines(prompt: str, answer: str) -> ParsedExchange | None:
    """Parse an exchange with options in LLaVA's form; return None if it is of another.

    The options are lines `A. cat`, `B. dog` and so on, perhaps with a line before or after them
    that asks for the letter. The answer is a letter, a letter and its option, or an option.
    """
    lines = strip_image_markers(prompt).strip().split("\n")
    begin = next((n for n in range(len(lines)) if len(option_lines(lines[n:])) > 1), None)
    if begin is None:
        return None
    options = option_lines(lines[begin:])
    after = lines[begin + len(options) :]
    if len(set(options)) < len(options) or any(map(LETTERED_LINE.match, (*lines[:begin], *after))):
        return None
    for index, option in enumerate(options):
        if answer.strip() in answer_forms(index, option):
            text, instruction = "\n".join(lines[:begin]), "\n".join(after).strip()
            return ParsedExchange(instruction, text, options, option)
    return None


def option_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the options at the start of some lines, whose letters are in order from A."""
    options = []
    for letter, line in zip(ascii_uppercase, lines, strict=False):
        match = LETTERED_LINE.match(line)
        if not match or match[1] != letter:
            break
        options.append(match[2].strip())
    return tuple(options)


def answer_forms(index: int, option: str) -> tuple[str, ...]:
    """Return the ways to write the option of an index; see `answers_in_form`."""
    letter = ascii_uppercase[index]
    return (
        letter,
        f"{letter}.",
        f"({letter})",
        f"{letter}. {option}",
        f"{letter}: {option}",
        option,
    )


def answers_in_form(options: Sequence[str], target: str, answer: str) -> tuple[str, ...]:
    """Return each option as the answer writes the target: as a letter, as a text, or as both.

    Where the form is another, it is that of this package, `(b) a dog`.
    """
    own = tuple(format_option(tuple(options), option) for option in options)
    if target not in options:
        return own
    form = answer.strip()
    index = options.index(target)
    forms = answer_forms(index, target)
    if form not in forms:
        return own
    kind = forms.index(form)
    return tuple(answer_forms(number, option)[kind] for number, option in enumerate(options))


def strip_image_markers(prompt: str) -> str:
    """Return a prompt without the lines of image markers at its start and end."""
    lines = prompt.split("\n")
    while lines and lines[0] == IMAGE_MARKER:
        del lines[0]
    while lines and lines[-1] == IMAGE_MARKER:
        del lines[-1]
    return "\n".join(lines)


def parse_options(options_text: str) -> tuple[str, ...]:
    """Parse a list `(a) ... (b) ...`; return no options if a letter occurs twice."""
    parts: list[str] = []
    rest = f" {options_text}"
    for letter in ascii_lowercase:
        before, marker, after = rest.partition(f" ({letter}) ")
        if not marker:
            break
        if f" ({letter}) " in after:
            return ()
        parts.append(before)
        rest = after
    return (*parts[1:], rest) if parts and not parts[0] else ()
