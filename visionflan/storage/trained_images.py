"""The images that a checkpoint was trained on, in a file that outlives their builds.

`trained_images.parquet` of a checkpoint holds the id and the perceptual hash of each image of all
stages so far, of the run and of the checkpoints that it started from. Its metadata has the builds,
and whether the list is complete: it is not if training started from a checkpoint without one. The
vision tower and the language model that a run pretrains have such a list, too.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.schema import non_null_schema, write_table

TRAINED_IMAGES = "trained_images.parquet"
SCHEMA = non_null_schema(id=pa.binary(32), phash=pa.uint64())
METADATA = b"trained_images"


class TrainedImages(NamedTuple):
    """Images that a model was trained on.

    Attributes:
        phashes: the perceptual hash of each image by its id.
        builds: the path of each build by its digest.
        is_complete: whether these are the images of all stages.
    """

    phashes: Mapping[str, int]
    builds: Mapping[str, str]
    is_complete: bool = True


NO_IMAGES = TrainedImages({}, {})
UNKNOWN_IMAGES = TrainedImages({}, {}, is_complete=False)


def images_of_build(build: BuildDirectory, image_ids: Iterable[str]) -> TrainedImages:
    """Return images of one build that a stage trains on."""
    phashes = {image_id: build.index.phash(image_id) for image_id in image_ids}
    return TrainedImages(phashes, {build.digest: str(build.path.resolve())})


def merge_trained_images(parts: Iterable[TrainedImages]) -> TrainedImages:
    """Return the images of several stages."""
    merged = NO_IMAGES
    for part in parts:
        merged = TrainedImages(
            {**merged.phashes, **part.phashes},
            {**merged.builds, **part.builds},
            merged.is_complete and part.is_complete,
        )
    return merged


def write_trained_images(checkpoint: Path, images: TrainedImages) -> None:
    """Write the images that a checkpoint or a part of one was trained on, ordered by id."""
    ids = sorted(images.phashes)
    metadata = {"builds": dict(images.builds), "is_complete": images.is_complete}
    columns = {
        "id": pa.array([bytes.fromhex(image_id) for image_id in ids], SCHEMA.field("id").type),
        "phash": pa.array([images.phashes[image_id] for image_id in ids], pa.uint64()),
    }
    schema = SCHEMA.with_metadata({METADATA: json.dumps(metadata, sort_keys=True)})
    write_table(checkpoint / TRAINED_IMAGES, pa.table(columns, schema=schema))


def read_trained_images(checkpoint: Path) -> TrainedImages:
    """Return the images that a checkpoint was trained on; of one without a record none is known."""
    path = checkpoint / TRAINED_IMAGES
    if not path.is_file():
        return UNKNOWN_IMAGES
    try:
        table = pq.ParquetFile(path).read()
        metadata = json.loads(table.schema.metadata[METADATA])
        ids = (image_id.hex() for image_id in table["id"].to_pylist())
        phashes = dict(zip(ids, table["phash"].to_pylist(), strict=True))
        return TrainedImages(phashes, metadata["builds"], metadata["is_complete"])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path} is damaged ({error}): copy it again from the original checkpoint, or delete "
            "it to go on without knowing which images were trained on"
        ) from error


def read_part_images(part: Path) -> TrainedImages:
    """Return the images that a vision tower or a language model was trained on, by its list.

    One without a list was not trained here: what it saw is no image of a build.
    """
    return read_trained_images(part) if (part / TRAINED_IMAGES).is_file() else NO_IMAGES
