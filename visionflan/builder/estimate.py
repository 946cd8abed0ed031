"""Estimate a build before anything is written: its rows, its size on disk, and its time."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from visionflan import catalog
from visionflan.builder.build_request import check_request
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_workers import ImageFault
from visionflan.builder.plan import BuildPlan, BuildSettings, plan
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.releases import Releases
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.builder.schedule import DatasetWork, makespan
from visionflan.errors import VisionflanError
from visionflan.image_sources import ImageSource, describe_source
from visionflan.progress import ProgressBar
from visionflan.storage.image_shards import SHARD_BYTES, SHARD_IMAGES

READ_S = 30.0  # how long a release is read; of what is not read by then, the estimate is a minimum
SAMPLED_IMAGES = 40  # of each dataset, that are checked to know their size and their time
# Measured besides the checks of images, in seconds (benchmarks/build_plan.py): making and writing
# an instance, storing an image, the processes of a dataset; starting, and joining an instance.
INSTANCE_S, IMAGE_S, DATASET_S = 0.000_06, 0.000_1, 0.05
START_S, JOIN_S = 0.8, 0.000_03


class DatasetEstimate(NamedTuple):
    """What a build makes of a dataset.

    Attributes:
        name: the dataset's name.
        rows: the number of rows that were read.
        is_complete: whether these are all.
        instances: the number of instances of all tasks, if no image is unusable.
        images: the number of images that they have.
        image_bytes: the size of these images.
        seconds: the time of one process.
        image_seconds: what of this several processes can share: the checks of images.
        failure: why the release cannot be read; empty if it can.
    """

    name: str
    rows: int = 0
    is_complete: bool = True
    instances: int = 0
    images: int = 0
    image_bytes: int = 0
    seconds: float = 0.0
    image_seconds: float = 0.0
    failure: str = ""

    @property
    def work(self) -> DatasetWork:
        """Return what of the work several processes can share."""
        chunks = max(self.images / SHARD_IMAGES, self.image_bytes / SHARD_BYTES)
        return DatasetWork(self.image_seconds, math.ceil(chunks), self.seconds - self.image_seconds)


def estimate_build(
    data_root: Path, out: Path, settings: BuildSettings, workers: int
) -> tuple[BuildPlan, list[DatasetEstimate]]:
    """Return the plan and an estimate of each of its datasets; nothing is written."""
    build_plan = plan(Releases(data_root).path, settings)
    check_request(data_root, out, build_plan)
    bar = ProgressBar("estimating", len(build_plan.tasks), unit="datasets")
    with ThreadPoolExecutor(workers) as threads:  # each waits for processes
        futures = [
            threads.submit(estimate_dataset, name, data_root, settings, build_plan)
            for name in build_plan.tasks
        ]
        estimates = [future.result() for future in bar.iterate(as_completed(futures))]
    return build_plan, sorted(estimates)


def estimate_dataset(
    name: str, data_root: Path, settings: BuildSettings, build_plan: BuildPlan
) -> DatasetEstimate:
    """Return the estimate of a dataset, after reading its release and some of its images."""
    dataset, limits = catalog.load(name), build_plan.limits(name, settings)
    samplers = [
        TaskSampler(f"{name}/{task}", dataset.tasks[task], settings.seed, limit)
        for task, limit in limits.items()
    ]
    release = ReleasePass(name, dataset, data_root)
    start = time.monotonic()
    try:
        is_complete = ReleaseReader().read(release, samplers, seconds=READ_S)
    except VisionflanError as error:
        return DatasetEstimate(name, failure=str(error))
    read_s = time.monotonic() - start
    instances = sum(len(sampler.heap) for sampler in samplers)
    images = {describe_source(image): image for image in iter_images(samplers)}
    size, check_s = measure_images(list(images.values()))
    image_seconds = len(images) * (IMAGE_S + check_s)
    seconds = DATASET_S + read_s + instances * INSTANCE_S + image_seconds
    return DatasetEstimate(
        name,
        release.rows_read,
        is_complete,
        instances,
        len(images),
        round(size * len(images)),
        seconds,
        image_seconds,
    )


def iter_images(samplers: Sequence[TaskSampler]) -> Iterator[ImageSource]:
    """Yield the images of all sampled rows."""
    for sampler in samplers:
        for _, _, row in sampler.heap:
            yield from row.example.images


def measure_images(images: Sequence[ImageSource]) -> tuple[float, float]:
    """Return the mean size of some of the images in bytes, and the time to check one."""
    sample = list(islice(images, 0, None, max(1, len(images) // SAMPLED_IMAGES)))[:SAMPLED_IMAGES]
    if not sample:
        return 0.0, 0.0
    with ImageCheckPool(1) as pool:
        list(pool.check(sample[:1]))  # the first image takes longer than the others
        start = pool.seconds
        outcomes = [outcome for _, outcome in pool.check(sample)]
        seconds = pool.seconds - start
    sizes = [len(o.encoded) for o in outcomes if not isinstance(o, ImageFault)]
    return sum(sizes) / len(sample), seconds / len(sample)


def estimate_seconds(
    build_plan: BuildPlan, estimates: Sequence[DatasetEstimate], workers: int
) -> float:
    """Return the time of a build: of datasets side by side, and of joining them."""
    order = sorted(estimates, key=lambda estimate: -len(build_plan.tasks[estimate.name]))
    instances = sum(estimate.instances for estimate in estimates)
    return START_S + makespan([e.work for e in order], workers) + instances * JOIN_S
