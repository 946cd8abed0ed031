"""Models that run by the forward pass of `transformers`, from tokens and prepared images.

Shape suffixes: b rows, l tokens, p image tokens, d width of the language model.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from PIL import Image

from visionflan.image_pixels import to_rgb
from visionflan.model.base import VisionLanguageModel
from visionflan.model.pretrained import greedy_generation_config, load_pretrained
from visionflan.model.processor import CheckpointProcessor

if TYPE_CHECKING:
    from torch import Tensor

# The side of a blank image in pixels; every image processor scales it to what its tower takes.
BLANK_SIDE = 64


class LibraryModel(VisionLanguageModel):
    """A model of `transformers` that is opened from a checkpoint and keeps its processor.

    Attributes:
        model_class: the name of its class in `transformers`
        image_processor: the class of its image processor, which works without torchvision, as
            `module:class` below `transformers.models`
        image_inputs: what the model takes of the image processor's outputs
        image_options: what the library's processor sets for the image processor
        images_by_row: whether the image processor takes the images of each row as a list
    """

    model_class: ClassVar[str]
    image_processor: ClassVar[str]
    image_inputs: ClassVar[tuple[str, ...]] = ("pixel_values",)
    image_options: ClassVar[Mapping[str, bool]] = {}
    images_by_row: ClassVar[bool] = False
    processor: CheckpointProcessor

    @classmethod
    def load(cls, checkpoint: Path, *, chat_template: str = "", dtype: str = "float32") -> Self:
        """Load a checkpoint; `chat_template` replaces its own if it is not empty."""
        import torch
        import transformers

        model_class = getattr(transformers, cls.model_class)
        processor = cls.load_processor(checkpoint, chat_template)
        model = load_pretrained(
            model_class, checkpoint, f"{cls.__name__} checkpoint", dtype=getattr(torch, dtype)
        )
        token_id = cls.image_writer(processor).token_id
        model.generation_config = greedy_generation_config(processor.tokenizer, model, token_id)
        return cls(model, processor)

    @classmethod
    def load_processor(cls, checkpoint: Path, chat_template: str = "") -> CheckpointProcessor:
        """Load the processor of a checkpoint without its weights."""
        module, _, name = cls.image_processor.partition(":")
        image_processor = getattr(import_module(f"transformers.models.{module}"), name)
        return CheckpointProcessor.load(checkpoint, image_processor, chat_template)

    def prepare_images(self, images: Sequence[Sequence[Image.Image]]) -> "dict[str, Tensor]":
        """Return the inputs of the model for the images of each row; empty if there are none."""
        rows = [[to_rgb(image) for image in row] for row in images if row]
        if not rows:
            return {}
        inputs = rows if self.images_by_row else list(chain.from_iterable(rows))
        outputs = self.processor.image_processor(
            images=inputs, return_tensors="pt", **self.image_options
        )
        return {name: outputs[name] for name in self.image_inputs if name in outputs}

    def hidden_states(
        self, token_ids_bl: "Tensor", image_positions_p: "Tensor", image_inputs: "dict[str, Tensor]"
    ) -> "Tensor":
        """Return the last hidden states of rows that are padded on the right."""
        inner: Any = self.model.model
        hidden_bld: Tensor = inner(
            input_ids=token_ids_bl,
            **image_inputs,
            **self.generation_inputs(token_ids_bl),
            use_cache=False,
        ).last_hidden_state
        return hidden_bld

    def connect_blank_image(self) -> "Tensor":
        """Return the sum of the connector's outputs for a blank image."""
        import torch

        inputs = self.prepare_images([[Image.new("RGB", (BLANK_SIDE, BLANK_SIDE))]])
        inner: Any = self.model.model
        device = self.model.device
        moved = {name: value.to(device) for name, value in inputs.items()}
        output = inner.get_image_features(**moved)
        by_layer = [output.pooler_output, *(getattr(output, "deepstack_features", None) or ())]
        features = [feature.sum() for layer in by_layer for feature in layer]
        return torch.stack(features).sum()
