"""Sample negative captions: captions of other images that do not describe this one."""

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
        self, captions: Mapping[int, Sequence[str]], object_classes: Mapping[int, Collection[str]]
    ) -> None:
        self.captions = captions
        self.object_classes = object_classes
        self.numbers = sorted(
            number for number, image_captions in captions.items() if image_captions
        )

    def sample(self, number: int, count: int) -> tuple[str, ...]:
        """Return up to `count` captions, sampled by hash, that are wrong for one of the images.

        Each comes from an image with other object classes, and more than half of its content words
        are in no caption of this image.
        """
        image_words = {word for caption in self.captions[number] for word in content_words(caption)}
        captions_by_text: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            if len(captions_by_text) == count or not self.numbers:
                break
            hash_value = stable_hash(number, "wrong caption", attempt)
            other_number = self.numbers[hash_value % len(self.numbers)]
            candidates = self.captions[other_number]
            caption = candidates[hash_value // len(self.numbers) % len(candidates)]
            words = content_words(caption)
            differs = 2 * len(words & image_words) < len(words)
            if differs and not may_share_captions(
                self.object_classes[other_number], self.object_classes[number]
            ):
                captions_by_text.setdefault(caption.casefold(), caption)
        return tuple(captions_by_text.values())


def may_share_captions(other_classes: Collection[str], own_classes: Collection[str]) -> bool:
    """Return whether one caption may fit two images, by their object classes.

    Persons are in so many images that having them in common means little; an image without any
    annotated object is not compared.
    """
    shared = set(other_classes) & set(own_classes)
    return bool(other_classes) and (shared == set(other_classes) or bool(shared - {"person"}))


def content_words(caption: str) -> set[str]:
    """Return the content words of a caption, without the s of a plural."""
    words = re.findall(r"[a-z]+", caption.lower())
    return {word.rstrip("s") for word in words if word not in FUNCTION_WORDS}
