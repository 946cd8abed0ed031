"""Write small releases that keep their pictures as arrays: pickled batches and IDX files."""

import gzip
import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.drawing import WHOLE, jittered
from visionflan.drawing.styles import styled_icon


def write_pickle(path: Path, fields: Mapping[str, object]) -> None:
    """Write a dictionary with its strings as bytes, in the protocol of Python 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {key.encode(): in_bytes(value) for key, value in fields.items()}
    path.write_bytes(pickle.dumps(kept, protocol=2))


def in_bytes(value: object) -> object:
    """Write the strings of a list as bytes, as Python 2 has them."""
    if isinstance(value, list):
        return [each.encode() if isinstance(each, str) else each for each in value]
    return value


def write_idx(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Write an IDX file of bytes, packed by gzip where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">4B{numbers.ndim}I", 0, 0, 8, numbers.ndim, *numbers.shape)
    content = header + numbers.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def thumbnails(things: Sequence[tuple[str, str]], name: str) -> NDArray[np.uint8]:
    """Draw icons in their colours at 32 by 32 pixels, as CIFAR keeps them: red, green, blue."""
    drawn = [thumbnail(thing, color, name, index) for index, (thing, color) in enumerate(things)]
    return np.stack([np.asarray(image).transpose(2, 0, 1).reshape(-1) for image in drawn])


def thumbnail(thing: str, color: str, *identity: str | int) -> Image.Image:
    """Draw one icon at 32 by 32 pixels."""
    box = jittered(WHOLE.part(0.02, 0.02, 0.98, 0.98), *identity, by=0.2)
    image = styled_icon(thing, "photo", box, color, *identity).convert("RGB")
    return image.resize((32, 32), Image.Resampling.BOX)
