"""How alike the connected features of two checkpoints are on the same images: linear CKA.

The features are those that the language model gets, the outputs of the connector, averaged over the
patches of an image: images are independent samples, as the estimator assumes, and the patches of
one image are not. Differences that cancel out over an image are not seen.

CKA is that of Kornblith et al. (2019, arXiv:1905.00414) with the unbiased estimator of HSIC of Song
et al. (2012, JMLR 13), as in Nguyen et al. (2021, arXiv:2010.15327), but over all images at once.
With the biased one, any two checkpoints are alike where images are fewer than features.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.errors import TrainingError
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory

if TYPE_CHECKING:
    from visionflan.model.feature_model import FeatureModel
    from visionflan.train.pixel_loader import PixelLoader

MIN_SAMPLES = 4  # fewer have no unbiased estimate
# Features that vary less than this fraction of their size do not vary: float32 is no more precise.
RELATIVE_PRECISION = 1e-6


class FeatureSimilarity(NamedTuple):
    """The similarity of the connected features of two checkpoints.

    Attributes:
        num_images: the number of images
        cka: debiased linear CKA, at most 1, and about 0 for independent features; None if the
            features of either checkpoint are the same for all images, or some are infinite or NaN
    """

    num_images: int
    cka: float | None


def compare_features(
    first: Path,
    second: Path,
    build: BuildDirectory,
    image_ids: Sequence[str],
    *,
    batch_size: int = 32,
    device: str = "auto",
) -> FeatureSimilarity:
    """Return the similarity of the features of two checkpoints on images of a build.

    One checkpoint is in memory at a time. Raises TrainingError if there are fewer than 4 different
    images.
    """
    distinct = list(dict.fromkeys(image_ids))
    if len(distinct) < MIN_SAMPLES:
        raise TrainingError(
            f"the features of {counted(len(distinct), 'different image')} of {build.path} are too "
            f"few to compare: choose at least {MIN_SAMPLES}"
        )
    first_nd, second_nd = (
        connected_features(path, build, distinct, batch_size=batch_size, device=device)
        for path in (first, second)
    )
    return FeatureSimilarity(len(distinct), linear_cka(first_nd, second_nd))


def connected_features(
    checkpoint: Path,
    build: BuildDirectory,
    image_ids: Sequence[str],
    *,
    batch_size: int = 32,
    device: str = "auto",
) -> NDArray[np.float32]:
    """Return the mean of the connector's outputs over the patches of each image (n x d)."""
    from visionflan.model.feature_model import FeatureModel
    from visionflan.model.generate import Checkpoint
    from visionflan.train.pixel_loader import PixelLoader

    loaded = Checkpoint.load(checkpoint, device)
    if not isinstance(loaded.vlm, FeatureModel):
        raise TrainingError(
            f"{checkpoint} is a {type(loaded.vlm).__name__} model, whose features are not compared "
            "here: name checkpoints of LLaVA"
        )
    loader = PixelLoader(build, loaded.vlm.processor)
    batches = [
        batch_features(loaded.vlm, loader, list(image_ids[begin : begin + batch_size]))
        for begin in range(0, len(image_ids), batch_size)
    ]
    return np.concatenate(batches)


def batch_features(
    vlm: "FeatureModel", loader: "PixelLoader", image_ids: list[str]
) -> NDArray[np.float32]:
    """Return the features of one batch of images."""
    import torch

    pixel_values = loader.pixel_values(image_ids).to(vlm.model.device, vlm.model.dtype)
    with torch.inference_mode():
        projected_npd = vlm.project(vlm.encode_images(pixel_values))
    features: NDArray[np.float32] = projected_npd.float().mean(dim=1).cpu().numpy()
    return features


def linear_cka(first_nd: NDArray[np.floating], second_nd: NDArray[np.floating]) -> float | None:
    """Return the debiased linear CKA of two sets of features of the same samples.

    The widths may differ. None if either set does not vary or is not finite. Raises ValueError if
    the numbers of samples differ or are below 4.
    """
    if len(first_nd) != len(second_nd) or len(first_nd) < MIN_SAMPLES:
        raise ValueError(
            f"CKA needs at least {MIN_SAMPLES} samples that both have, not {len(first_nd)} and "
            f"{len(second_nd)}"
        )
    first_nn, second_nn = (centered_kernel(features_nd) for features_nd in (first_nd, second_nd))
    if first_nn is None or second_nn is None:
        return None
    return float(np.clip(np.vdot(first_nn, second_nn), -1, 1))


def centered_kernel(features_nd: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Return the linear kernel of samples, U-centered and of norm 1.

    None if they do not vary, or some features are infinite or NaN.

    The inner product of two U-centered kernels is the estimator of HSIC of Song et al. but for a
    factor of n(n - 3), which cancels out in CKA (Székely and Rizzo 2014, arXiv:1310.2926).
    """
    features_nd = features_nd.astype(np.float64)
    varying_nd = features_nd - features_nd.mean(axis=0)  # the kernel's rounding errors become small
    # No comparison with NaN holds.
    if not np.linalg.norm(varying_nd) > RELATIVE_PRECISION * np.linalg.norm(features_nd):
        return None
    kernel_nn = varying_nd @ varying_nd.T
    variance = np.trace(kernel_nn)
    np.fill_diagonal(kernel_nn, 0.0)
    count = len(kernel_nn)
    means_n = kernel_nn.sum(axis=0) / (count - 2)
    kernel_nn -= means_n[:, None] + means_n - means_n.sum() / (count - 1)
    np.fill_diagonal(kernel_nn, 0.0)
    norm = np.linalg.norm(kernel_nn)
    # Samples that are all equally far apart, as no features are, have a kernel of zeros.
    return kernel_nn / norm if norm > RELATIVE_PRECISION * variance else None
