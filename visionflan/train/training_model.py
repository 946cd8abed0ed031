"""The model in training, with its trainable parts."""

from collections.abc import Collection

from torch import Tensor, nn

from visionflan.model import forward
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.train.collator import BatchTensors


class TrainingModel(nn.Module):
    """Wraps the model; one forward pass returns the losses of all target tokens."""

    def __init__(self, vlm: VisionLanguageModel, trainable: Collection[ModelPart]) -> None:
        super().__init__()
        self.vlm = vlm
        self.model = model = vlm.model
        model.requires_grad_(False)
        for part in trainable:
            for weight in vlm.part_weights(part).values():
                weight.requires_grad_(True)
        model.train()
        vlm.vision_tower.train("vision_tower" in trainable)

    def forward(self, batch: BatchTensors) -> Tensor:
        """Return the loss of each target token, in the order of the batch."""
        hidden_bld = self.vlm.hidden_states(
            batch.token_ids_bl, batch.image_positions_p, batch.image_inputs
        )
        logits_av = forward.target_logits(self.vlm, hidden_bld, batch.target_positions_a)
        losses_a = forward.token_losses(logits_av, batch.targets_a)
        if batch.image_inputs:
            return losses_a
        # So that the weights before the language model have a gradient on all processes.
        return losses_a + 0.0 * self.vlm.connect_blank_image()
