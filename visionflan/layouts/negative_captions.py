"""Choose captions of other images that do not describe this one."""

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
    """The captions of images by number, and the object classes in each image."""

    def __init__(
        self, captions: Mapping[int, Sequence[str]], kinds: Mapping[int, Collection[str]]
    ) -> None:
        self.captions = captions
        self.kinds = kinds
        self.numbers = sorted(number for number, own in captions.items() if own)

    def wrong_for(self, number: int, count: int) -> tuple[str, ...]:
        """Draw up to `count` captions by hash that are wrong for one of the images.

        Each comes from an image with other object classes, and more than half of its content words
        are in no caption of this image.
        """
        own_words = {word for caption in self.captions[number] for word in content_words(caption)}
        drawn: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            if len(drawn) == count or not self.numbers:
                break
            draw = stable_hash(number, "wrong caption", attempt)
            other = self.numbers[draw % len(self.numbers)]
            offered = self.captions[other]
            caption = offered[draw // len(self.numbers) % len(offered)]
            words = content_words(caption)
            differs = 2 * len(words & own_words) < len(words)
            if differs and not may_share_captions(self.kinds[other], self.kinds[number]):
                drawn.setdefault(caption.casefold(), caption)
        return tuple(drawn.values())


def may_share_captions(there: Collection[str], here: Collection[str]) -> bool:
    """Return whether one caption may fit two images, by their object classes.

    Persons are in so many images that having them in common means little; an image without any
    annotated object is not compared.
    """
    shared = set(there) & set(here)
    return bool(there) and (shared == set(there) or bool(shared - {"person"}))


def content_words(caption: str) -> set[str]:
    """Return the content words of a caption, without the s of a plural."""
    words = re.findall(r"[a-z]+", caption.lower())
    return {word.rstrip("s") for word in words if word not in FUNCTION_WORDS}
