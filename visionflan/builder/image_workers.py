"""Read and check one image: its outcome is the image with its bytes, or why it cannot be used."""

import signal
from collections.abc import Sequence
from typing import NamedTuple

from visionflan.builder.memory_limit import memory_limit
from visionflan.errors import UnusableError
from visionflan.image_sources import (
    ArchiveMember,
    ImageSource,
    LmdbEntry,
    ParquetCell,
    read_encoded,
)
from visionflan.storage.image_checks import (
    UnsignedImage,
    ValidImage,
    decode_strictly,
    sign_images,
)

DECODE_TIMEOUT_S = 60  # seconds after which a process that decodes one image is killed
# What reading and decoding one image may allocate; the largest accepted images need 1.6 GB.
DECODE_MEMORY = 2_000_000_000


class ImageFault(NamedTuple):
    """Why an image cannot be used: a reason code and a detail."""

    reason: str
    detail: str


Outcome = ValidImage | ImageFault


def check_batch(images: Sequence[ImageSource]) -> list[Outcome]:
    """Read and check images within a limit of memory; exceeding that of time kills the process."""
    outcomes = []
    for image in images:
        signal.alarm(DECODE_TIMEOUT_S)
        with memory_limit(DECODE_MEMORY):
            outcomes.append(decode_source(image))
        signal.alarm(0)
    return sign_outcomes(outcomes)


def check_source(image: ImageSource) -> Outcome:
    """Read and check one image."""
    (outcome,) = sign_outcomes([decode_source(image)])
    return outcome


def decode_source(image: ImageSource) -> UnsignedImage | ImageFault:
    """Read and decode one image."""
    try:
        return decode_strictly(read_image_bytes(image))
    except UnusableError as error:
        return ImageFault(error.reason, error.detail)


def sign_outcomes(outcomes: Sequence[UnsignedImage | ImageFault]) -> list[Outcome]:
    """Return outcomes with the signatures of the images."""
    signed = iter(sign_images([o for o in outcomes if not isinstance(o, ImageFault)]))
    return [o if isinstance(o, ImageFault) else next(signed) for o in outcomes]


def read_image_bytes(image: ImageSource) -> bytes:
    """Return the bytes of an image; raise UnusableError with the reason if it cannot be read."""
    try:
        return read_encoded(image)
    except UnusableError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnusableError("image_missing", error.strerror or "no such file") from error
    except KeyError as error:
        reason = (
            "image_missing"
            if isinstance(image, ArchiveMember | ParquetCell | LmdbEntry)
            else "image_unreadable"
        )
        raise UnusableError(reason, str(error.args[0] if error.args else error)) from error
    except OSError as error:
        raise UnusableError("image_unreadable", error.strerror or str(error)) from error
    except MemoryError as error:
        detail = "reading it needs more memory than the limit"
        raise UnusableError("image_too_large", detail) from error
    # Damaged archives, and functions that compute images, raise all kinds of exceptions.
    except Exception as error:
        raise UnusableError("image_unreadable", f"{type(error).__name__}: {error}") from error
