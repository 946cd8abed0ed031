"""Render an example as a conversation: the only place that knows the form of a prompt."""

from string import ascii_lowercase
from typing import NamedTuple

from visionflan.dataset import IMAGE_MARKER, Example
from visionflan.errors import UnusableError
from visionflan.hashing import shuffled, stable_hash
from visionflan.storage.instance import Turn


class RenderedExample(NamedTuple):
    """A rendered example: its two turns, and its options in the order shown."""

    turns: tuple[Turn, Turn]
    options: tuple[str, ...]


def render(instruction: str, example: Example, *identity: str | int) -> RenderedExample:
    """Render in the paper's style; the order and the marker's place follow from the identity.

    Instruction, blank line, text, `Options: (a) ... (b) ...`; markers first or last; the answer of
    an option task repeats letter and text (paper section 2.1 and Appendix J).
    """
    options = tuple(shuffled(example.options, *identity, "options"))
    words = build_prompt(instruction, example.text, options)
    markers = "\n".join([IMAGE_MARKER] * len(example.images))
    first = stable_hash(*identity, "marker") % 2 == 0
    prompt = f"{markers}\n{words}" if first else f"{words}\n{markers}"
    answer = format_option(options, example.target) if options else example.target
    return RenderedExample((Turn("user", prompt), Turn("assistant", answer)), options)


def build_prompt(instruction: str, text: str, options: tuple[str, ...]) -> str:
    """Join the instruction and what follows it by a blank line."""
    if len(options) > len(ascii_lowercase):
        raise UnusableError("too_many_options", f"{len(options)} options, and letters for 26")
    listed = " ".join(
        f"({letter}) {option}" for letter, option in zip(ascii_lowercase, options, strict=False)
    )
    given = "\n".join(part for part in (text, f"Options: {listed}" if options else "") if part)
    return f"{instruction}\n\n{given}" if given else instruction


def format_option(options: tuple[str, ...], target: str) -> str:
    """Write an option with the letter that the prompt gives it."""
    return f"({ascii_lowercase[options.index(target)]}) {target}"


class ParsedExchange(NamedTuple):
    """What a rendered exchange was made of; the options are in the order shown."""

    instruction: str
    text: str
    options: tuple[str, ...]
    target: str


def parse(prompt: str, answer: str) -> ParsedExchange | None:
    """Take a rendered exchange apart; gives nothing where its options are not certain."""
    instruction, _, given = strip_image_markers(prompt).partition("\n\n")
    before, found, listed = f"\n{given or instruction}".rpartition("\nOptions: ")
    if not found:
        return ParsedExchange(instruction, given, (), answer)
    text = before.removeprefix("\n")
    for end in (listed, listed.rstrip()):
        options = parse_options(end)
        for letter, option in zip(ascii_lowercase, options, strict=False):
            if answer == f"({letter}) {option}":
                words = (instruction, text) if given else (text, "")
                return ParsedExchange(*words, options, option)
    return None


def strip_image_markers(prompt: str) -> str:
    """Give the words of a prompt without the image markers before or after them."""
    lines = prompt.split("\n")
    while lines and lines[0] == IMAGE_MARKER:
        del lines[0]
    while lines and lines[-1] == IMAGE_MARKER:
        del lines[-1]
    return "\n".join(lines)


def parse_options(listed: str) -> tuple[str, ...]:
    """Take a list `(a) ... (b) ...` apart; gives nothing where a letter stands in it twice."""
    parts: list[str] = []
    rest = f" {listed}"
    for letter in ascii_lowercase:
        before, found, after = rest.partition(f" ({letter}) ")
        if not found:
            break
        if f" ({letter}) " in after:
            return ()
        parts.append(before)
        rest = after
    return (*parts[1:], rest) if parts and not parts[0] else ()
