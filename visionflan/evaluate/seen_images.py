"""Find the questions about images that a checkpoint was trained on, or that look like those.

Of two images of one build, its groups of near-duplicates decide. Images of different builds look
alike at twice the distance of the hashes within which a build groups them, if the colors agree: a
question is rather left out than scored on what was trained on. So it is if a trained image is of a
build that is gone, by the hash alone and within the distance of a build, or if too many trained
images have nearly its hash to compare all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.errors import BuildError, EvaluationError
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.evaluate.requests import EvalSet, Item, Source, limit_items
from visionflan.image_files import decode_image
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.near_duplicates import MAX_COLOR_DISTANCE, MAX_HAMMING_DISTANCE
from visionflan.storage.perceptual_hash import image_signature, near_hashes
from visionflan.storage.trained_images import TrainedImages

Thumbnail = NDArray[np.int16]

MAX_DISTANCE = 2 * MAX_HAMMING_DISTANCE  # of hashes of different builds
MAX_COMPARED = 1000  # trained images, by their colors with one image


def leave_out_seen(
    eval_set: EvalSet, trained: TrainedImages, *, include: bool, limit: int | None = None
) -> EvalSet:
    """Return a set without the questions about trained images, unless these are to be included.

    Either way the set says how many there are: of those that are included, how many a limit on the
    questions of a task leaves.
    """
    if include:
        limited = {task: limit_items(members, limit) for task, members in eval_set.items.items()}
        return replace(eval_set, overlap=find_overlap(limited, trained, included=True).overlap)
    left_out, overlap = find_overlap(eval_set.items, trained, included=False)
    if not left_out:
        return replace(eval_set, overlap=overlap)
    unseen = {
        task: [item for item in members if (task, item.sample_key) not in left_out]
        for task, members in eval_set.items.items()
    }
    items = {task: members for task, members in unseen.items() if members}
    if not items:
        raise EvaluationError(
            f"all questions ({overlap.count:,}) are about images that the checkpoint was "
            "trained on, or that look like those: name another build, or include them with "
            "`--include-trained-images`"
        )
    tasks = {
        task: replace(eval_set.tasks[task], held_out=len(members))
        for task, members in items.items()
    }
    return replace(eval_set, items=items, tasks=tasks, overlap=overlap, left_out=left_out)


class FoundOverlap(NamedTuple):
    """The questions about trained images, by task and sample key, and how many they are."""

    questions: frozenset[tuple[str, str]]
    overlap: TrainingOverlap


def find_overlap(
    items: Mapping[str, Sequence[Item]], trained: TrainedImages, *, included: bool
) -> FoundOverlap:
    """Find the questions about trained images."""
    seen = SeenImages(trained).among(item for members in items.values() for item in members)
    alike = [
        item for members in items.values() for item in members if not seen.isdisjoint(item.images)
    ]
    overlap = TrainingOverlap(
        known=trained.is_complete,
        included=included,
        questions=dict(Counter(item.task for item in alike)),
        images=len(seen),
    )
    return FoundOverlap(frozenset((item.task, item.sample_key) for item in alike), overlap)


class SeenImages:
    """The images that a checkpoint was trained on, searched by id and by likeness."""

    def __init__(self, trained: TrainedImages) -> None:
        self.trained = trained
        self.thumbnails: dict[str, Thumbnail | None] = {}
        self.ids_by_phash: dict[int, list[str]] = {}
        for image_id, phash in trained.phashes.items():
            self.ids_by_phash.setdefault(phash, []).append(image_id)

    @cached_property
    def builds(self) -> list[BuildDirectory]:
        """The builds of the trained images that are still where they were."""
        opened = []
        for path in self.trained.builds.values():
            try:
                opened.append(BuildDirectory(Path(path)))
            except BuildError:  # its images are compared by their hashes alone
                continue
        return opened

    def among(self, items: Iterable[Item]) -> set[str]:
        """Return the ids of the images of items that were trained on, or look like those."""
        sources = {image: item.source for item in items for image in item.images}
        seen = sources.keys() & self.trained.phashes.keys()
        others = {image: source for image, source in sources.items() if image not in seen}
        return seen | self.similar_images(others)

    def similar_images(self, sources: Mapping[str, Source]) -> set[str]:
        """Return the images that look like a trained one."""
        if not sources or not self.ids_by_phash:
            return set()
        images = list(sources)
        phashes = [image_phash(sources[image], image) for image in images]
        known = np.fromiter(self.ids_by_phash, np.uint64, len(self.ids_by_phash))
        near = near_hashes(np.array(phashes, dtype=np.uint64), known, MAX_DISTANCE)
        return {
            image
            for image, phash, matches in zip(images, phashes, near, strict=True)
            if self.is_like_one(sources[image], image, phash, known[matches].tolist())
        }

    def is_like_one(self, source: Source, image: str, phash: int, near: Sequence[int]) -> bool:
        """Return whether an image looks like a trained one with one of these hashes, near its."""
        others = {other for near_phash in near for other in self.ids_by_phash[near_phash]}
        if isinstance(source, BuildDirectory):
            here = {other for other in others if other in source.index}
            if source.image_group(image) in map(source.image_group, here):
                return True
            others -= here
        if not others or len(others) > MAX_COMPARED:
            return bool(others)
        colors = thumbnail(source, image)
        return any(self.has_colors(other, colors, phash) for other in others)

    def has_colors(self, trained: str, colors: Thumbnail, phash: int) -> bool:
        """Return whether a trained image has these colors; if it is gone, nearly this hash."""
        stored = self.stored_thumbnail(trained)
        if stored is None:
            return (self.trained.phashes[trained] ^ phash).bit_count() <= MAX_HAMMING_DISTANCE
        return float(np.abs(colors - stored).mean()) <= MAX_COLOR_DISTANCE

    def stored_thumbnail(self, image: str) -> Thumbnail | None:
        """Return the thumbnail of a trained image; None if no build has it any more."""
        if image not in self.thumbnails:
            build = next((build for build in self.builds if image in build.index), None)
            self.thumbnails[image] = None if build is None else thumbnail(build, image)
        return self.thumbnails[image]


def image_phash(source: Source, image: str) -> int:
    """Return the perceptual hash of an image, which a build has stored."""
    if isinstance(source, BuildDirectory):
        return source.index.phash(image)
    return image_signature(decode_image(source.image(image))).phash


def thumbnail(source: Source, image: str) -> Thumbnail:
    """Return the color thumbnail of an image."""
    colors = image_signature(decode_image(source.image(image))).colors
    return np.frombuffer(colors, np.uint8).astype(np.int16)
