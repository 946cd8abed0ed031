"""Open the images of official validation and test rows: known by their looks, none is trained on.

A part stores their ids, and the signatures of those that the build does not store.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.builder.image_workers import ImageFault
from visionflan.builder.part_checks import PartChecks
from visionflan.builder.parts import OFFICIAL_IMAGES, TableWriter, readable_part
from visionflan.image_sources import ImageSource

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("phash", pa.uint64()),
        pa.field("colors", pa.binary(192)),
    ]
)


class OfficialImage(NamedTuple):
    """The id of an image, and its signature unless the build stores it."""

    id: str
    phash: int | None = None
    colors: bytes | None = None


def write_official_images(
    directory: Path,
    images: Mapping[str, ImageSource],
    checks: PartChecks,
    stored: Set[str],
    progress: Callable[[], object],
) -> None:
    """Check the images of official rows, by description, and write the valid ones into a part.

    `stored` are the ids of the images that the build stores.
    """
    writer = TableWriter(
        directory / OFFICIAL_IMAGES,
        SCHEMA,
        lambda rows: pa.Table.from_pylist([row._asdict() for row in rows], SCHEMA),
    )
    written: set[str] = set()
    for image in iter_official_images(images, checks, stored):
        progress()
        if image is not None and image.id not in written:
            written.add(image.id)
            writer.add(image)
    writer.close()


def iter_official_images(
    images: Mapping[str, ImageSource], checks: PartChecks, stored: Set[str]
) -> Iterator[OfficialImage | None]:
    """Yield each image, or None for one that is not valid; those that were checked come first."""
    unchecked = []
    for description, image in images.items():
        outcome = checks.outcomes.get(description)
        if isinstance(outcome, ImageFault):
            yield None
        elif outcome is not None and outcome.id in stored:
            yield OfficialImage(outcome.id)
        else:
            unchecked.append(image)
    for _, checked in checks.pool.check(unchecked):
        if isinstance(checked, ImageFault):
            yield None
        elif checked.image.id in stored:
            yield OfficialImage(checked.image.id)
        else:
            image_id, phash, colors = checked.image.id, checked.image.phash, checked.image.colors
            yield OfficialImage(image_id, phash, colors)


def load_official_images(directories: Iterable[Path]) -> pa.Table:
    """Return the images of the official rows of all parts; an image may be in several."""
    tables = [SCHEMA.empty_table()]
    for directory in directories:
        if not (directory / OFFICIAL_IMAGES).is_file():  # a part that no release was read for
            continue
        with readable_part(directory):
            tables.append(pq.read_table(directory / OFFICIAL_IMAGES, schema=SCHEMA))
    return pa.concat_tables(tables)
