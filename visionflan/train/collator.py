"""Collate tokenized rows and their images into batches."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.feature_cache import FeatureCache
from visionflan.train.image_loader import ImageLoader
from visionflan.train.pixel_loader import PixelLoader
from visionflan.train.tokenized_dataset import TokenizedDataset, TokenizedRow


@dataclass(frozen=True)
class BatchTensors:
    """Rows padded on the right (b rows, l tokens, a target tokens, p image tokens).

    Positions are indices into the flattened tokens: a mask would make a GPU wait to find them.

    Attributes:
        targets_a: the tokens that have a loss
        task_ids_a: the task of each target token
        image_inputs: the model's inputs for the images, or their features before the connector
    """

    token_ids_bl: Tensor
    target_positions_a: Tensor
    targets_a: Tensor
    task_ids_a: Tensor
    image_positions_p: Tensor
    image_inputs: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> "BatchTensors":
        """Return the batch on another device; from pinned memory, the copy is asynchronous."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned()))

    def pin_memory(self) -> "BatchTensors":
        """Return the batch in page-locked memory, from which a GPU copies by itself."""
        return self.map(lambda tensor: tensor.pin_memory())

    def map(self, change: Callable[[Tensor], Tensor]) -> "BatchTensors":
        """Return the batch with each tensor changed."""
        changed = {
            name: change(getattr(self, name))
            for name in self.__dataclass_fields__
            if name != "image_inputs"
        }
        images = {name: change(tensor) for name, tensor in self.image_inputs.items()}
        return replace(self, **changed, image_inputs=images)


class Collator:
    """Collates rows of a tokenized dataset into batches."""

    def __init__(
        self,
        dataset: TokenizedDataset,
        chat_tokenizer: ChatTokenizer,
        images: ImageLoader | PixelLoader | FeatureCache,
        *,
        pin_memory: bool = False,
    ) -> None:
        self.dataset, self.chat_tokenizer, self.images = dataset, chat_tokenizer, images
        self.pin_memory = pin_memory

    def __call__(self, micro_batch: MicroBatch) -> BatchTensors:
        """Collate rows into a right-padded batch with its images, in pinned memory if so set."""
        batch = self.collate(micro_batch)
        return batch.pin_memory() if self.pin_memory else batch

    def collate(self, micro_batch: MicroBatch) -> BatchTensors:
        """Collate rows in memory that is not pinned.

        An empty micro-batch yields one row without targets, so that every rank runs a forward pass.
        """
        is_empty = len(micro_batch.rows) == 0
        indices = [0] if is_empty else micro_batch.rows.tolist()
        rows = [self.dataset.row(index) for index in indices]
        expanded = [self.expand_image_tokens(row) for row in rows]
        max_len = max(len(token_ids) for token_ids, _ in expanded)
        token_ids_bl = np.full((len(rows), max_len), self.chat_tokenizer.pad_token_id, np.int64)
        loss_mask_bl = np.zeros((len(rows), max_len), np.bool_)
        for number, (token_ids, loss_mask) in enumerate(expanded):
            token_ids_bl[number, : len(token_ids)] = token_ids
            loss_mask_bl[number, : len(token_ids)] = loss_mask & (not is_empty)
        is_image_bl = token_ids_bl == self.chat_tokenizer.image_token_id
        task_ids_b = self.dataset.task_ids[np.array(indices)]
        return BatchTensors(
            torch.from_numpy(token_ids_bl),
            torch.from_numpy(np.flatnonzero(loss_mask_bl)),
            torch.from_numpy(token_ids_bl[loss_mask_bl]),
            torch.from_numpy(np.repeat(task_ids_b, loss_mask_bl.sum(axis=1))).long(),
            torch.from_numpy(np.flatnonzero(is_image_bl)),
            self.images.image_inputs([row.image_ids for row in rows]),
        )

    def expand_image_tokens(self, row: TokenizedRow) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Repeat the image token of each run as often as the model reads it."""
        is_image = row.token_ids == self.chat_tokenizer.image_token_id
        repeats = np.ones(len(row.token_ids), np.int64)
        repeats[is_image] = row.image_runs
        return np.repeat(row.token_ids, repeats), np.repeat(row.loss_mask, repeats)
