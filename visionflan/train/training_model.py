"""What is trained: the model with the parts that learn, and the batches it is given."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visionflan.errors import TrainingError
from visionflan.model import forward
from visionflan.model.base import Part, VisionLanguageModel
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.image_loader import FeatureCache, ImageLoader
from visionflan.train.tokenized_dataset import TokenizedDataset


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right; each image as pixels, or as features of the tower."""

    tokens_bl: Tensor
    learned_bl: Tensor
    row_tasks_b: Tensor
    pixels: Tensor | None = None
    features: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Move the batch to where the model is."""
        moved = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(
            self,
            **{
                name: value.to(device, non_blocking=True)
                for name, value in moved.items()
                if value is not None
            },
        )


class Collator:
    """Makes batches of rows."""

    def __init__(
        self, rows: TokenizedDataset, encoder: ChatTokenizer, images: ImageLoader | FeatureCache
    ) -> None:
        self.rows, self.encoder, self.images = rows, encoder, images

    def __call__(self, micro: MicroBatch) -> Batch:
        """Pad rows to the longest and bring their images; a share without rows teaches nothing."""
        numbers = micro.rows.tolist() or [0]
        rows = [self.rows.row(number) for number in numbers]
        spread = [self.spread(row.tokens, row.learned) for row in rows]
        longest = max(len(tokens) for tokens, _ in spread)
        tokens_bl = np.full((len(rows), longest), self.encoder.pad_token_id, np.int64)
        learned_bl = np.zeros((len(rows), longest), np.bool_)
        for place, (tokens, learned) in enumerate(spread):
            tokens_bl[place, : len(tokens)] = tokens
            learned_bl[place, : len(tokens)] = learned & (len(micro.rows) > 0)
        shown = [image for row in rows for image in row.images]
        markers = int((tokens_bl == self.encoder.image_token_id).sum())
        if markers != len(shown) * self.encoder.tokens_per_image:
            named = ", ".join(self.rows.instance(number).id for number in numbers)
            raise TrainingError(f"image markers and images do not agree in one of {named}.")
        batch = Batch(
            torch.from_numpy(tokens_bl),
            torch.from_numpy(learned_bl),
            torch.from_numpy(self.rows.task[np.array(numbers)]).long(),
        )
        return self.with_images(batch, shown)

    def spread(
        self, tokens: NDArray[np.int32], learned: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Repeat the token of each image as often as the image has features."""
        times = np.where(tokens == self.encoder.image_token_id, self.encoder.tokens_per_image, 1)
        return np.repeat(tokens, times), np.repeat(learned, times)

    def with_images(self, batch: Batch, names: list[str]) -> Batch:
        """Add the images in the form that is kept."""
        if not names:
            return batch
        if isinstance(self.images, FeatureCache):
            return replace(batch, features=self.images(names))
        return replace(batch, pixels=self.images.pixels(names))


class TrainingModel(nn.Module):
    """The model in training; one forward pass gives the losses of all tokens to be learnt."""

    def __init__(self, vlm: VisionLanguageModel, trainable: Collection[Part]) -> None:
        super().__init__()
        self.vlm = vlm
        self.model = model = vlm.model
        self.sees = "vision_tower" in trainable
        model.requires_grad_(False)
        for part in trainable:
            for module in vlm.part_modules(part):
                module.requires_grad_(True)
        model.train()
        vlm.vision_tower.train(self.sees)

    def forward(self, batch: Batch) -> Tensor:
        """Give the loss of each token to be learnt, in the order of the batch."""
        features_npd = self.features(batch)
        hidden_bld = forward.hidden_states(self.vlm, batch.tokens_bl, features_npd)
        logits_av = forward.answer_logits(self.vlm, hidden_bld, batch.learned_bl)
        losses_a = forward.token_losses(logits_av, batch.tokens_bl[batch.learned_bl])
        return losses_a if features_npd is not None else losses_a + 0.0 * self.unseen()

    def features(self, batch: Batch) -> Tensor | None:
        """Give the features of the images of a batch, if it has any."""
        if batch.features is not None or batch.pixels is None:
            return batch.features
        with torch.set_grad_enabled(self.sees and torch.is_grad_enabled()):
            return self.vlm.encode_images(batch.pixels)

    def unseen(self) -> Tensor:
        """Touch the parts that a batch without images leaves idle.

        Else they would have no gradient, and processes would wait for each other for ever.
        """
        vlm = self.vlm
        weight = vlm.model.get_input_embeddings().get_parameter("weight")
        features_npd = weight.new_zeros(1, 1, vlm.feature_size)
        if self.sees:
            features_npd = vlm.encode_images(weight.new_zeros(1, 3, vlm.image_size, vlm.image_size))
        return vlm.project(features_npd).sum()
