"""The interface of a model family: a vision-language model with its processor.

A family is a subclass of `VisionLanguageModel` in its own file (see `families`). Training,
evaluation and integrations use a model through this interface only.

Shape suffixes: b rows, l tokens, n images, c channels, h height, w width, p features of an image,
d width of the vision tower or of the language model, v vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.pretrained import fork_rng

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

ModelPart = Literal["vision_tower", "connector", "language_model"]


@dataclass(frozen=True, kw_only=True)
class ConnectorConfig:
    """The use of the vision tower's features by the connector.

    Attributes:
        feature_layer: index of the layer whose hidden states are used; negative from the end
        feature_select: `patches` leaves out the class token where the tower has one
        pad_to_square: pad an image to a square with its mean color; else crop it
    """

    feature_layer: int = -2
    feature_select: Literal["patches", "all"] = "patches"
    pad_to_square: bool = True


class VisionLanguageModel(ABC):
    """A vision tower, a connector and a language model, with the processor of their inputs.

    Attributes:
        model_types: the values of `model_type` in `config.json` that this family loads
        model: the module of `transformers`
        processor: its image processor, tokenizer and chat template
    """

    model_types: ClassVar[tuple[str, ...]]

    def __init__(self, model: "PreTrainedModel", processor: "ProcessorMixin") -> None:
        self.model, self.processor = model, processor

    @classmethod
    @abstractmethod
    def build(
        cls,
        vision_tower: Path,
        language_model: Path,
        *,
        connector: ConnectorConfig | None = None,
        chat_template: str = "",
        seed: int = 0,
    ) -> Self:
        """Return a model with two pretrained parts and a new connector, in float32.

        `chat_template` is a name or a Jinja file; empty keeps the tokenizer's own.
        """

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: Path, *, chat_template: str = "", dtype: str = "float32") -> Self:
        """Load a checkpoint; `chat_template` replaces its own if it is not empty."""

    @classmethod
    @abstractmethod
    def load_processor(cls, checkpoint: Path, chat_template: str = "") -> "ProcessorMixin":
        """Load the processor of a checkpoint without its weights."""

    @classmethod
    @abstractmethod
    def build_processor(
        cls,
        vision_tower: Path,
        vision_model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        connector: ConnectorConfig,
    ) -> "ProcessorMixin":
        """Return the processor for a vision tower and a tokenizer.

        `vision_tower` is the tower's directory, `vision_model` the tower in memory.
        """

    @classmethod
    @abstractmethod
    def tokens_per_image(cls, processor: "ProcessorMixin") -> int:
        """Return the number of image tokens per image in a prompt."""

    @property
    @abstractmethod
    def vision_tower(self) -> "nn.Module":
        """The module that turns pixels into features."""

    @property
    @abstractmethod
    def connector(self) -> "nn.Module":
        """The module that maps features to the width of the language model."""

    @property
    @abstractmethod
    def language_model(self) -> "nn.Module":
        """The decoder, without its output head."""

    @property
    @abstractmethod
    def image_size(self) -> int:
        """The side of the square images that the vision tower takes, in pixels."""

    @property
    @abstractmethod
    def feature_size(self) -> int:
        """The width of the features that the connector takes."""

    @property
    @abstractmethod
    def feature_settings(self) -> Sequence[object]:
        """The settings that decide which features of the vision tower are used."""

    @abstractmethod
    def encode_images(self, pixel_values_nchw: "Tensor") -> "Tensor":
        """Return the features of images from the vision tower (n x p x d)."""

    def project(self, features_npd: "Tensor") -> "Tensor":
        """Return features mapped by the connector to the width of the language model."""
        projected_npd: Tensor = self.connector(features_npd)
        return projected_npd

    def decode(
        self,
        embeddings_bld: "Tensor",
        *,
        attention_mask: "Tensor | None" = None,
        position_ids_bl: "Tensor | None" = None,
    ) -> "Tensor":
        """Return the last hidden states of the language model.

        The library's key-value cache is off: it breaks attention silently where rows are packed.
        """
        hidden_bld: Tensor = self.language_model(
            inputs_embeds=embeddings_bld,
            attention_mask=attention_mask,
            position_ids=position_ids_bl,
            use_cache=False,
        ).last_hidden_state
        return hidden_bld

    def logits(self, hidden_states: "Tensor") -> "Tensor":
        """Return the logits of the next token for each hidden state."""
        head: Any = self.model.get_output_embeddings()
        logits: Tensor = head(hidden_states)
        return logits

    def part_modules(self, part: ModelPart) -> "list[nn.Module]":
        """Return the modules of a part; the output head belongs to the language model."""
        if part == "vision_tower":
            return [self.vision_tower]
        if part == "connector":
            return [self.connector]
        return [self.language_model, self.model.get_output_embeddings()]

    def save_weights(self, directory: Path, weights: "dict[str, Tensor]") -> None:
        """Write weights, by their names in `model`, with the model's configuration.

        A family whose published checkpoints have other names writes those.
        """
        self.model.save_pretrained(directory, state_dict=weights)

    def initialize_connector(self, seed: int) -> None:
        """Draw the weights of the connector as `build` does: as PyTorch initializes its layers.

        Those are larger than the weights that `transformers` would draw, and the same as in LLaVA.
        """
        with fork_rng(seed):
            for module in self.connector.modules():
                layer: Any = module
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()

    @property
    def image_token_id(self) -> int:
        """The id of the image token, one per image feature."""
        return int(self.model.config.image_token_id)

    @property
    def max_positions(self) -> int | None:
        """The number of positions that the language model knows; None if its config has none."""
        text_config = self.model.config.get_text_config()
        return getattr(text_config, "max_position_embeddings", None)

    @classmethod
    def make_chat_tokenizer(cls, processor: "ProcessorMixin") -> ChatTokenizer:
        """Return the tokenizer of conversations for a processor of this family."""
        return ChatTokenizer(processor, cls.tokens_per_image(processor))
