"""Describe images with a copy-detection model in an ONNX file, such as SSCD.

SSCD (Pizzi et al. 2022, arXiv 2202.10261) is the model with which FineVision was compared with
test sets. Images are prepared as the README of facebookresearch/sscd-copy-detection recommends for
batches: resized to a square of 320 pixels without keeping the aspect ratio (`skew_320`), then
normalized with the mean and the standard deviation of ImageNet. The same file has the threshold:
pairs of DISC images with a cosine above 0.75 are copies in 90 % of the cases.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visionflan.errors import BuildError
from visionflan.plural import counted

THRESHOLD = 0.75
SIDE = 320  # pixels, of a model that accepts any size
BATCH_SIZE = 16  # images
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
FLOAT, BYTES = "tensor(float)", "tensor(uint8)"

Descriptors = NDArray[np.float32]  # (images, dimensions), each of norm 1


@dataclass(frozen=True)
class DescriptorConfig:
    """A copy-detection model, and from which cosine on two images may be copies.

    Attributes:
        path: the ONNX file.
        digest: the sha256 of the file.
        threshold: the lowest cosine of the descriptors of images that may be copies.
    """

    path: Path
    digest: str
    threshold: float = THRESHOLD

    def as_json(self) -> dict[str, Any]:
        """Return what decides on the result: the content of the file, not its place."""
        return {"digest": self.digest, "threshold": self.threshold}


def load_descriptor(path: Path, threshold: float = THRESHOLD) -> DescriptorConfig:
    """Return the configuration of a model after describing two images with it.

    Raises BuildError if the file is no ONNX model that describes images.
    """
    if not path.is_file():
        raise BuildError(f"{path} is not a file: name the ONNX file of a copy-detection model")
    config = DescriptorConfig(path, sha256(path.read_bytes()).hexdigest(), threshold)
    gradient = Image.linear_gradient("L").convert("RGB")
    CopyDetector(config).describe([gradient, gradient.rotate(90)], ["a drawn image"] * 2)
    return config


class InputLayout(NamedTuple):
    """How a model expects images."""

    name: str
    size: tuple[int, int]  # width and height
    max_batch: int
    is_float: bool  # normalized, channels first; otherwise bytes, channels last


class CopyDetector:
    """A loaded copy-detection model."""

    def __init__(self, config: DescriptorConfig) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        self.path = config.path
        model = config.path.read_bytes()
        if sha256(model).hexdigest() != config.digest:
            raise BuildError(f"{self.path} has changed since the build began: start it again")
        options = SessionOptions()
        options.log_severity_level = 4  # what is wrong is in the exceptions
        try:
            # The result must not depend on the hardware more than sums of floats do.
            self.session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class for each status, without a base
            raise BuildError(
                f"{self.path} is not an ONNX model with all its weights in the one file: "
                f"{first_line(error)}"
            ) from error
        self.input = read_layout(self.path, self.session.get_inputs())

    def describe(self, images: Iterable[Image.Image], names: Sequence[str]) -> Descriptors:
        """Return the descriptors of images in RGB, (images, dimensions), each of norm 1.

        Only one image at a time is needed in its size.

        Raises BuildError, with the name of the image, if a descriptor is not a finite vector.
        """
        step, remaining = self.input.max_batch, iter(images)
        parts = [
            self.describe_batch(islice(remaining, step), names[start : start + step])
            for start in range(0, len(names), step)
        ]
        return np.concatenate(parts)

    def describe_batch(self, images: Iterable[Image.Image], names: Sequence[str]) -> Descriptors:
        """Return the descriptors of at most one batch of images."""
        pixels = np.stack([prepare(image, self.input) for image in images])
        try:
            output = self.session.run(None, {self.input.name: pixels})[0]
        except Exception as error:
            raise BuildError(
                f"{self.path} fails on images of {self.input.size[0]} x {self.input.size[1]} "
                f"pixels: {first_line(error)}"
            ) from error
        descriptors = np.asarray(output)
        if descriptors.ndim != 2 or len(descriptors) != len(pixels):
            raise BuildError(
                f"{self.path} returns an array of shape {descriptors.shape} for "
                f"{counted(len(pixels), 'image')}: name a model that returns one vector an image"
            )
        descriptors = descriptors.astype(np.float32)
        norms = np.linalg.norm(descriptors, axis=1, keepdims=True)
        if wrong := np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0))).tolist():
            raise BuildError(
                f"{self.path} returns a vector of zeros or NaN for {names[wrong[0]]}: name another "
                "model"
            )
        normalized: Descriptors = descriptors / norms
        return normalized


def read_layout(path: Path, inputs: Sequence[Any]) -> InputLayout:
    """Return the layout of the one input of a model; dimensions of any size are names or None.

    Raises BuildError if the input is no batch of images in RGB.
    """
    shape = inputs[0].shape if len(inputs) == 1 else ()
    kind = inputs[0].type if len(inputs) == 1 else ""
    channels = {FLOAT: 1, BYTES: 3}.get(kind)
    if len(shape) != 4 or channels is None or shape[channels] != 3:
        declared = "; ".join(f"{one.name}: {one.type}, {one.shape}" for one in inputs)
        raise BuildError(
            f"{path} is no model of images: its input ({declared}) must be float32 of shape "
            "(batch, 3, height, width), or uint8 of shape (batch, height, width, 3)"
        )
    batch, *sides = (side if isinstance(side, int) else 0 for side in shape)
    del sides[channels - 1]
    if batch > 1:
        raise BuildError(
            f"{path} has a fixed batch size of {batch}: export it with a batch of any size"
        )
    height, width = (side or SIDE for side in sides)
    return InputLayout(inputs[0].name, (width, height), batch or BATCH_SIZE, kind == FLOAT)


def prepare(image: Image.Image, layout: InputLayout) -> NDArray[Any]:
    """Return an image in RGB as a model expects it."""
    small = np.asarray(image.resize(layout.size, Image.Resampling.BILINEAR))
    if not layout.is_float:
        return small
    normalized = (small.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(normalized.transpose(2, 0, 1))


def first_line(error: Exception) -> str:
    """Return the first line of a message of onnxruntime, which may have many."""
    return str(error).strip().partition("\n")[0]
