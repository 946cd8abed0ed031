"""A model family in its own file: VipLlava, whose features come from several layers."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from visionflan.model.base import ConnectorConfig
from visionflan.model.chat_templates import select_template
from visionflan.model.families.llava import Llava
from visionflan.model.pretrained import (
    add_special_tokens,
    fork_rng,
    greedy_generation_config,
    image_token_id,
    load_language_model,
    load_pretrained,
    load_tokenizer,
    load_vision_tower,
)

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = (-2, -1)


class VipLlava(Llava):
    """A model with the classes of VipLlava in `transformers`; its processor is LLaVA's."""

    model_types = ("vipllava",)

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
        """Return a model made of two parts and a new connector."""
        from transformers import VipLlavaConfig, VipLlavaForConditionalGeneration

        connector = connector or ConnectorConfig()
        vision_model = load_vision_tower(vision_tower)
        text_model, tokenizer = load_language_model(language_model), load_tokenizer(language_model)
        with fork_rng(seed):
            add_special_tokens(text_model, tokenizer)
            config = VipLlavaConfig(
                vision_config=copy.deepcopy(vision_model.config),
                text_config=copy.deepcopy(text_model.config),
                image_token_index=image_token_id(tokenizer),
                vision_feature_layer=list(LAYERS),
            )
            model = VipLlavaForConditionalGeneration(config)
        model.model.vision_tower = vision_model
        model.model.language_model = text_model.base_model
        model.lm_head = text_model.get_output_embeddings()
        model.generation_config = greedy_generation_config(tokenizer, text_model)
        processor = cls.build_processor(vision_tower, vision_model, tokenizer, connector)
        processor.chat_template = select_template(tokenizer.chat_template, chat_template)
        vlm = cls(model.eval(), processor)
        vlm.initialize_connector(seed)
        return vlm

    @classmethod
    def load(cls, checkpoint: Path, *, chat_template: str = "", dtype: str = "float32") -> Self:
        """Load a checkpoint."""
        from transformers import VipLlavaForConditionalGeneration

        model = load_pretrained(
            VipLlavaForConditionalGeneration, checkpoint, "toy", dtype=getattr(torch, dtype)
        )
        processor = cls.load_processor(checkpoint, chat_template)
        model.generation_config = greedy_generation_config(processor.tokenizer, model)
        return cls(model, processor)

    @property
    def feature_settings(self) -> Sequence[object]:
        """The layers."""
        return LAYERS

    def encode_images(self, pixel_values_nchw: "Tensor") -> "Tensor":
        """Return the concatenated features of several layers."""
        output = self.vision_tower(pixel_values=pixel_values_nchw, output_hidden_states=True)
        return torch.cat([output.hidden_states[layer][:, 1:] for layer in LAYERS], dim=-1)


FAMILY = VipLlava
