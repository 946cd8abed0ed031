"""Choose captions of other pictures that are not true of this one."""

import re
from collections.abc import Collection, Mapping, Sequence

from visionflan.hashing import stable_hash

ATTEMPTS = 100
FUNCTION_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "at", "beside", "by", "for", "from", "her", "his", "in", "into"),
        *("is", "it", "its", "near", "next", "of", "off", "on", "one", "over", "some", "that"),
        *("the", "their", "there", "this", "to", "two", "up", "with"),
    )
)


class CaptionPool:
    """The captions of pictures by number, and the kinds of things that are in each picture."""

    def __init__(
        self, captions: Mapping[int, Sequence[str]], kinds: Mapping[int, Collection[str]]
    ) -> None:
        self.captions = captions
        self.kinds = kinds
        self.numbers = sorted(number for number, own in captions.items() if own)

    def wrong_for(self, number: int, count: int) -> tuple[str, ...]:
        """Draw up to `count` captions by hash that are wrong for one of the pictures.

        Each comes from a picture of other kinds of things, and most of its words are in no caption
        of this picture.
        """
        told = {word for caption in self.captions[number] for word in content_words(caption)}
        drawn: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            if len(drawn) == count or not self.numbers:
                break
            chance = stable_hash(number, "wrong caption", attempt)
            other = self.numbers[chance % len(self.numbers)]
            offered = self.captions[other]
            caption = offered[chance // len(self.numbers) % len(offered)]
            words = content_words(caption)
            apart = 2 * len(words & told) < len(words)
            if apart and not alike(self.kinds[other], self.kinds[number]):
                drawn.setdefault(caption.casefold(), caption)
        return tuple(drawn.values())


def alike(there: Collection[str], here: Collection[str]) -> bool:
    """Whether the kinds of things in two pictures leave it open that one caption fits both.

    Persons are in so many pictures that having them in common tells little; a picture without any
    annotated thing tells nothing.
    """
    shared = set(there) & set(here)
    return bool(there) and (shared == set(there) or bool(shared - {"person"}))


def content_words(caption: str) -> set[str]:
    """Give the words that tell what is seen, without the s of a plural."""
    words = re.findall(r"[a-z]+", caption.lower())
    return {word.rstrip("s") for word in words if word not in FUNCTION_WORDS}
