"""The job of building the part of a dataset, on this machine or another."""

from pathlib import Path
from typing import NamedTuple

from visionflan.builder.image_chunks import PartImages
from visionflan.builder.parts import PARTS_DIR
from visionflan.builder.plan import BuildSettings


class Staging(NamedTuple):
    """What of a job is in a store.

    Attributes:
        data_url: the data root, or an empty string if it is a directory that this machine has.
        releases: the digests of the releases that are copied.
        out_url: the build, or an empty string.
        scratch: the directory for temporary copies; None is that of this machine.
    """

    data_url: str = ""
    releases: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    out_url: str = ""
    scratch: Path | None = None


class PartJob(NamedTuple):
    """All that the part of a dataset depends on, and where it is written.

    Attributes:
        name: the dataset's name.
        tasks: the maximum number of instances of each task, by the task's name.
        settings: the settings of the build.
        data_root: the directory that contains the release.
        out: the build directory.
        source: the digest of all that the part depends on.
        image_workers: the number of processes that check images at first.
        start_method: that of `multiprocessing`, or None for the platform's.
        staging: which of the directories are in a store.
    """

    name: str
    tasks: dict[str, int]
    settings: BuildSettings
    data_root: Path
    out: Path
    source: str
    image_workers: int = 1
    start_method: str | None = None
    staging: Staging = Staging()

    @property
    def directory(self) -> Path:
        """Return the directory of the part."""
        return self.out / PARTS_DIR / self.name

    @property
    def images(self) -> PartImages:
        """Return where the images of the part are stored."""
        return PartImages(self.out / "images", self.directory, self.name)
