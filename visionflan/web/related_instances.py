"""Find the other instances of the images of an instance, and of images that look the same."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.storage.instance import Instance
from visionflan.web.open_build import OpenBuild, joined, rows_of_elements


class RelatedInstances(NamedTuple):
    """The indices of other instances that share an image with one.

    Attributes:
        same_image: those that have one of its images.
        near_duplicate: the others that have an image of the same group of near-duplicates.
    """

    same_image: NDArray[np.int64]
    near_duplicate: NDArray[np.int64]


def related_instances(build: OpenBuild, index: int) -> RelatedInstances:
    """Return the instances that share an image, or a near-duplicate of one, with an instance."""
    instance = build.instance(index)
    same = instances_with_images(build, instance.images)
    near = instances_with_images(build, near_duplicates(build, instance))
    return RelatedInstances(same[same != index], np.setdiff1d(near, [*same, index]))


def near_duplicates(build: OpenBuild, instance: Instance) -> list[str]:
    """Return the ids of the images in the groups of the images of an instance."""
    images = build.directory.index
    if not instance.images:
        return []
    groups = images.columns["group"]
    own = groups[[images.row(image_id) for image_id in instance.images]]
    return [images.ids[row].tobytes().hex() for row in np.flatnonzero(np.isin(groups, own))]


def instances_with_images(build: OpenBuild, image_ids: Collection[str]) -> NDArray[np.int64]:
    """Return the indices of the instances that have any of some images."""
    if not image_ids:
        return joined([])
    wanted = pa.array(sorted(set(image_ids)), pa.string())
    return joined(
        batch.first
        + np.flatnonzero(
            rows_of_elements(batch.columns[0], pc.is_in(batch.columns[0].flatten(), wanted))
        )
        for batch in build.batches("images")
    )
