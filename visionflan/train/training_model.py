"""The model in training, with its trainable parts."""

from collections.abc import Collection

from torch import Tensor, nn

from visionflan.errors import TrainingError
from visionflan.model import forward
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.train.adapter import has_adapter, is_adapter_weight
from visionflan.train.collator import BatchTensors
from visionflan.train.weight_patterns import match_weights


class TrainingModel(nn.Module):
    """Wraps the model; one forward pass returns the losses of all target tokens."""

    def __init__(
        self,
        vlm: VisionLanguageModel,
        trainable: Collection[ModelPart],
        frozen: Collection[str] = (),
        *,
        setting: str = "frozen",
    ) -> None:
        super().__init__()
        self.vlm = vlm
        self.model = model = vlm.model
        model.requires_grad_(False)
        is_adapted = has_adapter(vlm)
        for part in trainable:
            for name, weight in vlm.part_weights(part).items():
                is_own = is_adapted and part == "language_model" and not is_adapter_weight(name)
                weight.requires_grad_(not is_own)
        self.freeze(frozen, setting)
        model.train()
        vlm.vision_tower.train("vision_tower" in trainable)

    def freeze(self, patterns: Collection[str], setting: str) -> None:
        """Stop training the weights that the patterns of a setting match.

        Raises UnknownNameError for a pattern that matches none, and TrainingError if none is left.
        """
        parts = {name: self.vlm.part_of(name) for name in self.trained_weights()}
        for pattern in patterns:
            for name in match_weights(setting, pattern, parts):
                self.model.get_parameter(name).requires_grad_(False)
        if patterns and not self.trained_weights():
            raise TrainingError(
                f"`{setting}` ({', '.join(patterns)}) matches all weights that the stage would "
                "train: leave some of them out"
            )

    def trained_weights(self) -> dict[str, nn.Parameter]:
        """Return the weights that are trained, by their names in the model of `transformers`."""
        weights = self.model.named_parameters()
        return {name: weight for name, weight in weights if weight.requires_grad}

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
