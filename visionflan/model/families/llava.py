"""LLaVA: a CLIP-like vision tower, a two-layer connector, and a causal language model.

The architecture is that of LLaVA-1.5 (Liu et al. 2023, arXiv:2310.03744); any tower and language
model that `transformers` opens can be its parts.
"""

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.model.chat_templates import select_template
from visionflan.model.feature_model import FeatureModel
from visionflan.model.pretrained import (
    VOCAB_MULTIPLE,
    add_special_tokens,
    check_language_model,
    fork_rng,
    greedy_generation_config,
    image_processor_settings,
    image_token_id,
    load_config,
    load_language_model,
    load_pretrained,
    load_tokenizer,
    load_vision_tower,
    untie_unnamed_embeddings,
)
from visionflan.model.tower_names import published_name
from visionflan.model.vision_geometry import VisionGeometry

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )


class Llava(FeatureModel):
    """A model with the classes of LLaVA in `transformers`."""

    model_types = ("llava",)

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
        """Return a model with the parts in two directories of `transformers` and a new connector.

        The connector and the embeddings of added tokens are drawn from `seed`.
        """
        connector = connector or ConnectorConfig()
        vision_model = load_vision_tower(vision_tower)
        text_model = load_language_model(language_model)
        check_language_model(text_model)
        tokenizer = load_tokenizer(language_model)
        with fork_rng(seed):
            add_special_tokens(text_model, tokenizer)
        untie_unnamed_embeddings(text_model)
        vlm = cls.join(vision_tower, vision_model, text_model, tokenizer, connector)
        vlm.processor.chat_template = select_template(tokenizer.chat_template, chat_template)
        vlm.initialize_connector(seed)
        return vlm

    @classmethod
    def join(
        cls,
        vision_tower: Path,
        vision_model: "PreTrainedModel",
        text_model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        connector: ConnectorConfig,
    ) -> Self:
        """Return a model of parts in memory, with a connector that is not initialized yet.

        `vision_tower` is the tower's directory, which has the settings of its images.
        """
        geometry = VisionGeometry.of(vision_model, connector)
        processor = make_processor(vision_tower, tokenizer, geometry, connector)
        config = make_config(
            vision_model.config, text_model.config, image_token_id(tokenizer), geometry, connector
        )
        model = join_parts(vision_model, text_model, config)
        model.generation_config = greedy_generation_config(tokenizer, text_model)
        return cls(model, processor)

    @classmethod
    def load(cls, checkpoint: Path, *, chat_template: str = "", dtype: str = "float32") -> Self:
        """Load a LLaVA checkpoint as `transformers` saves it."""
        import torch
        from transformers import LlavaForConditionalGeneration

        model = load_pretrained(
            LlavaForConditionalGeneration,
            checkpoint,
            "LLaVA checkpoint",
            dtype=getattr(torch, dtype),
        )
        processor = cls.load_processor(checkpoint, chat_template)
        model.generation_config = greedy_generation_config(processor.tokenizer, model)
        return cls(model, processor)

    @classmethod
    def load_processor(cls, checkpoint: Path, chat_template: str = "") -> Any:
        """Load a LLaVA processor with the image processor that needs no torchvision."""
        from transformers import LlavaProcessor
        from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

        if (checkpoint / "config.json").is_file():  # there is none beside a processor alone
            load_config(checkpoint)  # for its sentence if it cannot be read
        try:
            processor: LlavaProcessor = LlavaProcessor.from_pretrained(checkpoint)
            processor.image_processor = LlavaImageProcessorPil.from_pretrained(checkpoint)
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"the LLaVA processor in {checkpoint} cannot be loaded: {error}"
            ) from error
        if chat_template or not processor.chat_template:
            processor.chat_template = select_template(None, chat_template)
        return processor

    @classmethod
    def build_processor(
        cls,
        vision_tower: Path,
        vision_model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        connector: ConnectorConfig,
    ) -> "LlavaProcessor":
        """Return the processor for a vision tower and a tokenizer."""
        geometry = VisionGeometry.of(vision_model, connector)
        return make_processor(vision_tower, tokenizer, geometry, connector)

    @classmethod
    def tokens_per_image(cls, processor: Any) -> int:
        """Return the number of patches, and of the class token where it is used."""
        size = processor.image_processor.crop_size
        if processor.patch_size is None or size is None:
            raise TrainingError(
                "the processor has no patch size or no crop size, so the tokens of an image cannot "
                "be counted: save it again with a current version of `transformers`"
            )
        patches = (size["height"] // processor.patch_size) * (size["width"] // processor.patch_size)
        drops_class_token = processor.vision_feature_select_strategy == "default"
        return int(patches + processor.num_additional_image_tokens - drops_class_token)

    @classmethod
    def config_of_parts(
        cls,
        vision_config: "PreTrainedConfig",
        text_config: "PreTrainedConfig",
        connector: ConnectorConfig,
    ) -> "LlavaConfig":
        """Return the configuration of a model that `build` would join, without any weights."""
        from transformers import AutoModel

        geometry = VisionGeometry.of(AutoModel.from_config(vision_config), connector)
        text_config = copy.deepcopy(text_config)
        # With the image token and the padding token that `build` may add.
        text_config.vocab_size = math.ceil((text_config.vocab_size + 2) / VOCAB_MULTIPLE)
        text_config.vocab_size *= VOCAB_MULTIPLE
        image_token = text_config.vocab_size - 1
        return make_config(vision_config, text_config, image_token, geometry, connector)

    def save_weights(self, directory: Path, weights: "dict[str, Tensor]") -> None:
        """Write weights under the names of published checkpoints, and no path of this machine."""
        config = self.model.config
        for part in (config, config.vision_config, config.text_config):
            part._name_or_path = ""
        tower_type = config.vision_config.model_type
        published = {published_name(name, tower_type): weights[name] for name in weights}
        self.model.save_pretrained(directory, state_dict=published, save_original_format=False)

    @property
    def image_size(self) -> int:
        """The side of the images that the vision tower takes, in pixels."""
        return int(self.model.config.vision_config.image_size)

    @property
    def feature_size(self) -> int:
        """The width of the features that the connector takes."""
        return int(self.connector.get_parameter("linear_1.weight").shape[1])

    @property
    def feature_settings(self) -> Sequence[object]:
        """The layer, and whether the class token is left out."""
        config = self.model.config
        return config.vision_feature_layer, config.vision_feature_select_strategy

    def encode_images(self, pixel_values_nchw: "Tensor") -> "Tensor":
        """Return the hidden states of one layer of the vision tower, of the selected tokens."""
        config = self.model.config
        output = self.vision_tower(pixel_values=pixel_values_nchw, output_hidden_states=True)
        features_npd: Tensor = output.hidden_states[config.vision_feature_layer]
        drops_class_token = config.vision_feature_select_strategy == "default"
        return features_npd[:, 1:] if drops_class_token else features_npd


FAMILY = Llava


def make_processor(
    vision_tower: Path,
    tokenizer: "PreTrainedTokenizerBase",
    geometry: VisionGeometry,
    connector: ConnectorConfig,
) -> "LlavaProcessor":
    """Return a processor that pads an image to a square as LLaVA-1.5 does, scales, normalizes."""
    from transformers import LlavaProcessor
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    settings = image_processor_settings(vision_tower)
    kept_settings = ("image_mean", "image_std", "resample")
    image_processor = LlavaImageProcessorPil(
        do_pad=connector.pad_to_square,
        size={"shortest_edge": geometry.image_size},
        crop_size={"height": geometry.image_size, "width": geometry.image_size},
        **{name: settings[name] for name in kept_settings if name in settings},
    )
    return LlavaProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        patch_size=geometry.patch_size,
        vision_feature_select_strategy=geometry.feature_select_strategy,
        num_additional_image_tokens=geometry.num_extra_tokens,
        image_token=IMAGE_MARKER,
    )


def make_config(
    vision_config: "PreTrainedConfig",
    text_config: "PreTrainedConfig",
    image_token: int,
    geometry: VisionGeometry,
    connector: ConnectorConfig,
) -> "LlavaConfig":
    """Return the configuration of the joined model."""
    from transformers import LlavaConfig

    return LlavaConfig(
        vision_config=copy.deepcopy(vision_config),
        text_config=copy.deepcopy(text_config),
        image_token_index=image_token,
        image_seq_length=geometry.tokens_per_image,
        projector_hidden_act="gelu",
        vision_feature_layer=connector.feature_layer,
        vision_feature_select_strategy=geometry.feature_select_strategy,
        tie_word_embeddings=bool(text_config.tie_word_embeddings),
    )


def join_parts(
    vision_model: "PreTrainedModel", text_model: "PreTrainedModel", config: "LlavaConfig"
) -> "LlavaForConditionalGeneration":
    """Return the joined model, with a connector that is not initialized yet."""
    import torch
    from transformers import LlavaForConditionalGeneration

    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    model.model.multi_modal_projector.to_empty(device="cpu")
    model.model.vision_tower = vision_model
    model.model.language_model = text_model.base_model
    model.lm_head = text_model.get_output_embeddings()
    model.tie_weights()
    model.eval()
    return model
