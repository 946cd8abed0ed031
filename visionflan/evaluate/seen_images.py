"""Find the questions about images that a checkpoint was trained on, or that look like those.

An image looks like another one at the distance within which a build groups near-duplicates. Of two
images of one build, its groups decide. A trained image whose build is gone is compared by its hash
alone, so that a question is rather left out than scored on what was trained on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visionflan.errors import BuildError, EvaluationError
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.evaluate.requests import EvalSet, Item, Source
from visionflan.image_files import decode_image
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.perceptual_hash import (
    MAX_COLOR_DISTANCE,
    NEIGHBORS,
    image_signature,
    near_hashes,
)
from visionflan.storage.trained_images import TrainedImages


def leave_out_seen(eval_set: EvalSet, trained: TrainedImages, *, include: bool) -> EvalSet:
    """Return a set without the questions about trained images, unless these are to be included.

    Either way the set says how many there are.
    """
    seen = SeenImages(trained).among(all_items(eval_set))
    unseen = {
        task: [item for item in members if seen.isdisjoint(item.images)]
        for task, members in eval_set.items.items()
    }
    counts = {task: len(eval_set.items[task]) - len(members) for task, members in unseen.items()}
    overlap = TrainingOverlap(
        known=trained.is_complete,
        included=include,
        questions={task: count for task, count in counts.items() if count},
        images=len(seen),
    )
    if include or not seen:
        return replace(eval_set, overlap=overlap)
    items = {task: members for task, members in unseen.items() if members}
    if not items:
        raise EvaluationError(
            f"all questions ({sum(counts.values()):,}) are about images that the checkpoint was "
            "trained on, or that look like those: name another build, or include them with "
            "`--include-trained-images`"
        )
    tasks = {
        task: replace(eval_set.tasks[task], held_out=len(members))
        for task, members in items.items()
    }
    return replace(eval_set, items=items, tasks=tasks, overlap=overlap)


def all_items(eval_set: EvalSet) -> list[Item]:
    """Return the items of all tasks."""
    return [item for members in eval_set.items.values() for item in members]


class SeenImages:
    """The images that a checkpoint was trained on, searched by id and by likeness."""

    def __init__(self, trained: TrainedImages) -> None:
        self.trained = trained
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
        near = near_hashes(np.array(phashes, dtype=np.uint64), known)
        return {
            image
            for image, matches in zip(images, near, strict=True)
            if matches and self.is_like_one(sources[image], image, known[matches].tolist())
        }

    def is_like_one(self, source: Source, image: str, phashes: Sequence[int]) -> bool:
        """Return whether an image is a near-duplicate of a trained one with one of these hashes."""
        for other in (other for phash in phashes for other in self.ids_by_phash[phash][:NEIGHBORS]):
            if isinstance(source, BuildDirectory) and other in source.index:
                if source.image_group(image) == source.image_group(other):
                    return True
            elif self.has_same_colors(source, image, other):
                return True
        return False

    def has_same_colors(self, source: Source, image: str, other: str) -> bool:
        """Return whether a trained image has the colors of an image, if it is stored anywhere."""
        stored = next((build for build in self.builds if other in build.index), None)
        if stored is None:
            return True
        difference = np.abs(thumbnail(source, image) - thumbnail(stored, other))
        return float(difference.mean()) <= MAX_COLOR_DISTANCE


def image_phash(source: Source, image: str) -> int:
    """Return the perceptual hash of an image, which a build has stored."""
    if isinstance(source, BuildDirectory):
        return source.index.phash(image)
    return image_signature(decode_image(source.image(image))).phash


def thumbnail(source: Source, image: str) -> NDArray[np.int16]:
    """Return the color thumbnail of an image."""
    colors = image_signature(decode_image(source.image(image))).colors
    return np.frombuffer(colors, np.uint8).astype(np.int16)
