"""Collate tokenized rows and their images into batches."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visionflan.errors import TrainingError
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.feature_cache import FeatureCache
from visionflan.train.image_loader import ImageLoader
from visionflan.train.tokenized_dataset import TokenizedDataset


@dataclass(frozen=True)
class BatchTensors:
    """Rows padded on the right (b rows, l tokens), with their images as pixels or as features."""

    token_ids_bl: Tensor
    loss_mask_bl: Tensor  # True for the tokens that have a loss
    task_ids_b: Tensor
    pixel_values: Tensor | None = None
    image_features: Tensor | None = None  # of the vision tower, before the connector

    def to(self, device: torch.device) -> "BatchTensors":
        """Return the batch on another device."""
        tensors = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(
            self,
            **{
                name: tensor.to(device, non_blocking=True)
                for name, tensor in tensors.items()
                if tensor is not None
            },
        )


class Collator:
    """Collates rows of a tokenized dataset into batches."""

    def __init__(
        self,
        dataset: TokenizedDataset,
        chat_tokenizer: ChatTokenizer,
        images: ImageLoader | FeatureCache,
    ) -> None:
        self.dataset, self.chat_tokenizer, self.images = dataset, chat_tokenizer, images

    def __call__(self, micro_batch: MicroBatch) -> BatchTensors:
        """Collate rows into a right-padded batch with its images.

        An empty micro-batch yields one fully masked row, so that every rank runs a forward pass.
        """
        indices = micro_batch.rows.tolist() or [0]
        rows = [self.dataset.row(index) for index in indices]
        expanded = [self.expand_image_tokens(row.token_ids, row.loss_mask) for row in rows]
        max_len = max(len(token_ids) for token_ids, _ in expanded)
        token_ids_bl = np.full((len(rows), max_len), self.chat_tokenizer.pad_token_id, np.int64)
        loss_mask_bl = np.zeros((len(rows), max_len), np.bool_)
        for number, (token_ids, loss_mask) in enumerate(expanded):
            token_ids_bl[number, : len(token_ids)] = token_ids
            loss_mask_bl[number, : len(token_ids)] = loss_mask & (len(micro_batch.rows) > 0)
        image_ids = [image_id for row in rows for image_id in row.image_ids]
        image_tokens = int((token_ids_bl == self.chat_tokenizer.image_token_id).sum())
        if image_tokens != len(image_ids) * self.chat_tokenizer.tokens_per_image:
            instances = ", ".join(self.dataset.instance(index).id for index in indices)
            raise TrainingError(
                "the numbers of image markers and of images differ in one of these instances: "
                f"{instances}"
            )
        batch = BatchTensors(
            torch.from_numpy(token_ids_bl),
            torch.from_numpy(loss_mask_bl),
            torch.from_numpy(self.dataset.task_ids[np.array(indices)]).long(),
        )
        return self.with_images(batch, image_ids)

    def expand_image_tokens(
        self, token_ids: NDArray[np.int32], loss_mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Repeat each image token as often as an image has features."""
        repeats = np.where(
            token_ids == self.chat_tokenizer.image_token_id, self.chat_tokenizer.tokens_per_image, 1
        )
        return np.repeat(token_ids, repeats), np.repeat(loss_mask, repeats)

    def with_images(self, batch: BatchTensors, image_ids: list[str]) -> BatchTensors:
        """Return the batch with its images, as cached features or as pixel values."""
        if not image_ids:
            return batch
        if isinstance(self.images, FeatureCache):
            return replace(batch, image_features=self.images.features(image_ids))
        return replace(batch, pixel_values=self.images.pixel_values(image_ids))
