"""What a build is compared with: the images and texts of a benchmark's files, or of a folder."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.builder.decontamination.descriptor import DescriptorConfig
from visionflan.errors import BuildError
from visionflan.layouts import is_image_name


class ReferenceItem(NamedTuple):
    """A question of a benchmark, or an image of a folder."""

    key: str  # the benchmark's own name of the question, or the path in the folder
    text: str  # question and answer; empty if there are none
    images: tuple[str, ...]  # ids


@dataclass(frozen=True)
class Reference:
    """A benchmark's files, or a folder of images.

    Attributes:
        name: of the benchmark, or the path of the folder.
        digest: of all that is compared.
        items: the questions or images.
        load: from the id of an image to its encoded bytes.
    """

    name: str
    digest: str
    items: Sequence[ReferenceItem]
    load: Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True)
class Decontamination:
    """What a build is decontaminated against, and how.

    Attributes:
        references: the benchmarks and folders.
        report_only: whether rows that overlap are kept, and only reported.
        descriptor: the copy-detection model that also compares the images; None for none.
    """

    references: Sequence[Reference]
    report_only: bool = False
    descriptor: DescriptorConfig | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what decides on the result, for the fingerprint and the manifest of a build."""
        settings: dict[str, Any] = {
            "against": [{"name": one.name, "digest": one.digest} for one in self.references],
            "report_only": self.report_only,
        }
        if self.descriptor is not None:
            settings["descriptor"] = self.descriptor.as_json()
        return settings


def folder_reference(folder: Path) -> Reference:
    """Return the image files in a folder and its subfolders as a reference.

    Raises BuildError if there are none.
    """
    paths = sorted(
        Path(directory, name)
        for directory, _, names in os.walk(folder)
        for name in names
        if is_image_name(name)
    )
    if not paths:
        raise BuildError(
            f"{folder} contains no image file: name a folder with images for --decontaminate"
        )
    path_by_id: dict[str, Path] = {}
    items = []
    for path in paths:
        image_id = sha256(path.read_bytes()).hexdigest()
        path_by_id.setdefault(image_id, path)
        items.append(ReferenceItem(str(path.relative_to(folder)), "", (image_id,)))
    digest = sha256("\n".join(f"{item.key} {item.images[0]}" for item in items).encode())
    return Reference(
        str(folder), digest.hexdigest(), items, lambda image_id: path_by_id[image_id].read_bytes()
    )
