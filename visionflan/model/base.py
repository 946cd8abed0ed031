"""The interface of a model family: a vision-language model with its processor.

A family is a subclass of `VisionLanguageModel` in its own file (see `families`). Training,
evaluation and integrations use a model through this interface only. `LibraryModel` implements it
for the classes of `transformers` that take tokens and pixels; `FeatureModel` for those whose vision
tower and connector run apart from the language model.

Shape suffixes: b rows, l tokens, p image tokens, d width of the language model, v vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, get_args

from visionflan.errors import TrainingError
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.image_prompt import ImageWriter

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from visionflan.model.processor import Processor

ModelPart = Literal["vision_tower", "connector", "language_model"]
PARTS: tuple[ModelPart, ...] = get_args(ModelPart)


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


class PartNames(NamedTuple):
    """For each part, the beginnings of the names of its weights; of those that fit, the longest."""

    vision_tower: tuple[str, ...] = ("model.vision_tower",)
    connector: tuple[str, ...] = ("model.multi_modal_projector",)
    language_model: tuple[str, ...] = ("model.language_model", "lm_head")


class VisionLanguageModel(ABC):
    """A vision tower, a connector and a language model, with the processor of their inputs.

    Attributes:
        model_types: the values of `model_type` in `config.json` that this family loads
        part_names: the names of the weights of each part in `model`
        model: the module of `transformers`
        processor: its image processor, tokenizer and chat template
    """

    model_types: ClassVar[tuple[str, ...]]
    part_names: ClassVar[PartNames] = PartNames()

    def __init__(self, model: "PreTrainedModel", processor: Any) -> None:
        self.model, self.processor = model, processor

    @classmethod
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

        `chat_template` is a name or a Jinja file; empty keeps the tokenizer's own. Raises
        TrainingError in families that start from a checkpoint only.
        """
        raise cls.joins_no_parts()

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: Path, *, chat_template: str = "", dtype: str = "float32") -> Self:
        """Load a checkpoint; `chat_template` replaces its own if it is not empty."""

    @classmethod
    @abstractmethod
    def load_processor(cls, checkpoint: Path, chat_template: str = "") -> Any:
        """Load the processor of a checkpoint without its weights."""

    @classmethod
    def build_processor(
        cls,
        vision_tower: Path,
        vision_model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        connector: ConnectorConfig,
    ) -> Any:
        """Return the processor for a vision tower and a tokenizer, where `build` joins them.

        `vision_tower` is the tower's directory, `vision_model` the tower in memory.
        """
        raise cls.joins_no_parts()

    @classmethod
    def joins_no_parts(cls) -> TrainingError:
        """Return the error for a family that starts from a checkpoint only."""
        return TrainingError(
            f"models of type {cls.model_types[0]} are not joined from a vision tower and a "
            "language model here: set init.checkpoint to one"
        )

    @classmethod
    @abstractmethod
    def image_writer(cls, processor: Any) -> ImageWriter:
        """Return how images are written in a prompt."""

    @abstractmethod
    def prepare_images(self, images: "Sequence[Sequence[Image.Image]]") -> "dict[str, Tensor]":
        """Return the inputs of the model for the images of each row; empty if there are none."""

    @abstractmethod
    def hidden_states(
        self, token_ids_bl: "Tensor", image_positions_p: "Tensor", image_inputs: "dict[str, Tensor]"
    ) -> "Tensor":
        """Return the last hidden states of rows that are padded on the right.

        `image_positions_p` has the positions of image tokens in the flattened tokens.
        """

    @abstractmethod
    def connect_blank_image(self) -> "Tensor":
        """Return the sum of the connector's outputs for a blank image.

        For batches without images: without it those weights would have no gradient, and FSDP would
        wait for them forever.
        """

    def logits(self, hidden_states: "Tensor") -> "Tensor":
        """Return the logits of the next token for each hidden state."""
        head: Any = self.model.get_output_embeddings()
        logits: Tensor = head(hidden_states)
        return logits

    def generation_inputs(self, token_ids_bl: "Tensor") -> "dict[str, Tensor]":
        """Return inputs of the model that follow from the tokens, such as the kind of each."""
        return {}

    def part_weights(self, part: ModelPart) -> "dict[str, nn.Parameter]":
        """Return the weights of a part by their names in `model`; the head is the language model's.

        Raises TrainingError if a weight belongs to no part.
        """
        weights = self.model.named_parameters(remove_duplicate=False)
        return {name: weight for name, weight in weights if self.part_of(name) == part}

    def part_of(self, name: str) -> ModelPart:
        """Return the part that a weight belongs to, by its name in `model`."""
        fits = [
            (len(start), part)
            for part in PARTS
            for start in getattr(self.part_names, part)
            if name == start or name.startswith(f"{start}.")
        ]
        if not fits:
            raise TrainingError(
                f"the weight {name} of {type(self.model).__name__} belongs to no part: the family "
                f"{type(self).__name__} must name it in `part_names`"
            )
        return max(fits)[1]

    def part_module(self, part: ModelPart) -> "nn.Module":
        """Return the first module of a part; in some families it contains that of another part."""
        return self.model.get_submodule(getattr(self.part_names, part)[0])

    @property
    def vision_tower(self) -> "nn.Module":
        """The module that turns pixels into features."""
        return self.part_module("vision_tower")

    @property
    def language_model(self) -> "nn.Module":
        """The decoder, without its output head."""
        return self.part_module("language_model")

    def save_weights(self, directory: Path, weights: "dict[str, Tensor]") -> None:
        """Write weights, by their names in `model`, with the model's configuration.

        A family whose published checkpoints have other names writes those.
        """
        self.model.save_pretrained(directory, state_dict=weights)

    @property
    def max_positions(self) -> int | None:
        """The number of positions that the language model knows; None if its config has none."""
        text_config = self.model.config.get_text_config()
        return getattr(text_config, "max_position_embeddings", None)

    @classmethod
    def make_chat_tokenizer(cls, processor: "Processor", chat_template: str = "") -> ChatTokenizer:
        """Return the tokenizer of conversations for a processor of this family.

        `chat_template` replaces that of the processor if it is not empty.
        """
        return ChatTokenizer(processor, cls.image_writer(processor), chat_template)
