"""Settings that name weights by patterns: which weights a pattern matches, and numbers for them."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import inf

from visionflan.errors import TrainingError, UnknownNameError


def numbers_by_pattern(
    setting: str, entries: Iterable[str], noun: str, example: str
) -> dict[str, float]:
    """Return the number of each pattern of a setting whose entries are `PATTERN:NUMBER`.

    Raises TrainingError for an entry without a number of at least 0, and for a pattern that comes
    twice.
    """
    numbers: dict[str, float] = {}
    for entry in entries:
        pattern, _, text = entry.rpartition(":")
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not pattern or not 0 <= number < inf:
            raise TrainingError(
                f"{entry!r} of `{setting}` is not a {noun}: write PATTERN:{noun.upper()} with a "
                f"number of at least 0, as in {example}"
            )
        if pattern in numbers:
            raise TrainingError(f"`{setting}` has {pattern!r} twice: let it have one")
        numbers[pattern] = number
    return numbers


def match_weights(setting: str, pattern: str, parts: Mapping[str, str]) -> set[str]:
    """Return the weights that a pattern matches, of weights with the part that each belongs to.

    A pattern is the name of a part, or has wildcards and matches a name from any of its dots on:
    `language_model.layers.0.*` matches `model.language_model.layers.0.mlp.up_proj.weight`. Raises
    UnknownNameError if it matches none.
    """
    forms = pattern, f"*.{pattern}"
    matching = {
        name
        for name, part in parts.items()
        if pattern == part or any(fnmatchcase(name, form) for form in forms)
    }
    if not matching:
        raise UnknownNameError(
            f"{pattern!r} of `{setting}` matches no weight that the stage trains: did you mean "
            f"{' or '.join(near_names(pattern, parts))}?"
        )
    return matching


def near_names(pattern: str, parts: Mapping[str, str]) -> Sequence[str]:
    """Return the parts and the names of weights that are most similar to a pattern."""
    trained = list(dict.fromkeys(parts.values()))
    known, cutoff = (list(parts), 0.4) if "." in pattern else (trained, 0.6)
    return get_close_matches(pattern, known, n=2, cutoff=cutoff) or trained
