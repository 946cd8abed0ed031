"""The sizes of a vision tower's input and output, measured on an empty image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.plural import counted

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class VisionGeometry:
    """The sizes of a vision tower's input and output for an image.

    Attributes:
        image_size: side of the square image, in pixels
        patch_size: side of a patch, in pixels
        tokens_per_image: features that the language model gets for one image
        num_extra_tokens: tokens of the tower that are no patch: 1 for a class token, else 0
        feature_select_strategy: as in `transformers`: `default` drops the class token
    """

    image_size: int
    patch_size: int
    tokens_per_image: int
    num_extra_tokens: int
    feature_select_strategy: Literal["default", "full"]

    @classmethod
    def of(cls, vision_model: "PreTrainedModel", connector: ConnectorConfig) -> "VisionGeometry":
        """Return the geometry of a tower of any class, measured on an empty image."""
        import torch

        config = vision_model.config
        image_size, patch_size = (getattr(config, f"{of}_size", None) for of in ("image", "patch"))
        if not isinstance(image_size, int) or not isinstance(patch_size, int):
            raise TrainingError(
                f"the vision tower {type(vision_model).__name__} of {config.name_or_path} has no "
                "fixed size of its square images and patches, as the NaFlex towers of SigLIP 2 "
                "have none: set init.vision_tower to one that takes images of a fixed size"
            )
        with torch.no_grad():
            output = vision_model(
                pixel_values=torch.zeros(1, 3, image_size, image_size), output_hidden_states=True
            )
        num_layers, layer = len(output.hidden_states), connector.feature_layer
        if not -num_layers <= layer < num_layers:
            raise TrainingError(
                f"init.connector.feature_layer is {layer}, but the vision tower "
                f"{type(vision_model).__name__} has {counted(num_layers, 'layer')} of hidden "
                f"states: set it from {-num_layers} to {num_layers - 1}"
            )
        length = int(output.hidden_states[layer].shape[1])
        num_extra_tokens = length - (image_size // patch_size) ** 2
        if num_extra_tokens not in (0, 1):
            raise TrainingError(
                f"the vision tower {type(vision_model).__name__} returns "
                f"{counted(length, 'token')} for {image_size} x {image_size} pixels in patches of "
                f"{patch_size}: at most one token may be no patch"
            )
        drops_class_token = connector.feature_select == "patches" and num_extra_tokens == 1
        return cls(
            image_size=image_size,
            patch_size=patch_size,
            tokens_per_image=length - drops_class_token,
            num_extra_tokens=num_extra_tokens,
            feature_select_strategy="default" if drops_class_token else "full",
        )
