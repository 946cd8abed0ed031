"""The model in training, with its trainable parts."""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from visionflan.model import forward
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.train.collator import BatchTensors


class TrainingModel(nn.Module):
    """Wraps the model; one forward pass returns the losses of all tokens of the loss mask."""

    def __init__(self, vlm: VisionLanguageModel, trainable: Collection[ModelPart]) -> None:
        super().__init__()
        self.vlm = vlm
        self.model = model = vlm.model
        self.trains_vision_tower = "vision_tower" in trainable
        model.requires_grad_(False)
        for part in trainable:
            for module in vlm.part_modules(part):
                module.requires_grad_(True)
        model.train()
        vlm.vision_tower.train(self.trains_vision_tower)

    def forward(self, batch: BatchTensors) -> Tensor:
        """Return the loss of each token of the loss mask, in the order of the batch."""
        features_npd = self.image_features(batch)
        hidden_bld = forward.hidden_states(self.vlm, batch.token_ids_bl, features_npd)
        logits_av = forward.answer_logits(self.vlm, hidden_bld, batch.loss_mask_bl)
        losses_a = forward.token_losses(logits_av, batch.token_ids_bl[batch.loss_mask_bl])
        if features_npd is not None:
            return losses_a
        return losses_a + 0.0 * self.touch_unused_parameters()

    def image_features(self, batch: BatchTensors) -> Tensor | None:
        """Return the vision tower's features of a batch's images, or None if it has no images."""
        if batch.image_features is not None or batch.pixel_values is None:
            return batch.image_features
        with torch.set_grad_enabled(self.trains_vision_tower and torch.is_grad_enabled()):
            return self.vlm.encode_images(batch.pixel_values)

    def touch_unused_parameters(self) -> Tensor:
        """Return a term that uses the connector (and vision tower) for batches without images.

        The caller gives it weight zero. Without it those parts would have no gradient, and FSDP
        would wait for them forever.
        """
        vlm = self.vlm
        weight = vlm.model.get_input_embeddings().get_parameter("weight")
        features_npd = weight.new_zeros(1, 1, vlm.feature_size)
        if self.trains_vision_tower:
            features_npd = vlm.encode_images(weight.new_zeros(1, 3, vlm.image_size, vlm.image_size))
        return vlm.project(features_npd).sum()
