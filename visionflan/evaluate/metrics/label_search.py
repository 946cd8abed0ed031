"""Find the labels of a closed set in an answer."""

import re
from collections.abc import Sequence

from visionflan.evaluate.metrics.normalization import (
    answer_readings,
    normalize_words,
    reference_readings,
)

DENIAL = (
    "not|isnt|arent|wasnt|werent|cannot|cant|dont|doesnt|never|neither|nor|no|without|rather than"
    "|instead of"
)
FILLERS = "(?: (?:in|of|on|it|is|are|really|actually|any|either|option|answer|see|show))*"
DENIED = re.compile(rf" (?:{DENIAL}){FILLERS} $")
MAX_DENIAL = 100  # characters; without a limit, a long run of labels takes minutes


def find_labels(answer: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that occur in an answer as complete words, none within a longer one.

    A label that is denied (`not a dog`) is not returned.
    """
    for reading in answer_readings(answer):
        if exact := [label for label in labels if reading in reference_readings(label)]:
            return exact
    text = f" {normalize_words(answer)} "
    named: list[str] = []
    for label in sorted(labels, key=lambda label: -len(normalize_words(label))):
        phrase = normalize_words(label)
        pattern = rf"(?<=\s){re.escape(phrase)}(?:s|es)?(?=\s)"
        matches = list(re.finditer(pattern, text)) if phrase else []
        if any(not is_denied(text, match.start()) for match in matches):
            named += [candidate for candidate in labels if normalize_words(candidate) == phrase]
        if matches:
            text = re.sub(pattern, "|", text)
    return named


def is_denied(text: str, start: int) -> bool:
    """Return whether the normalized words before the label that begins at `start` deny it."""
    return DENIED.search(text, max(0, start - MAX_DENIAL), start) is not None
