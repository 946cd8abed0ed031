"""Join a vision tower and a language model into a LLaVA, or open one that is ready."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import template
from visionflan.model.pretrained import (
    add_special_tokens,
    from_folder,
    image_settings,
    image_token_id,
    open_language_model,
    open_processor,
    open_tokenizer,
    open_tower,
)

if TYPE_CHECKING:
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )


@dataclass(frozen=True, kw_only=True)
class ConnectorConfig:
    """How the connector takes the tower's features: from which layer, and of which tokens.

    `patches` leaves out the class token where the tower has one.
    """

    feature_layer: int = -2
    feature_select: Literal["patches", "all"] = "patches"
    pad_to_square: bool = True


def build_llava(
    tower: Path,
    language_model: Path,
    *,
    joint: ConnectorConfig | None = None,
    template_name: str = "",
    seed: int = 0,
) -> "tuple[LlavaForConditionalGeneration, LlavaProcessor]":
    """Join two folders of `transformers` by a fresh two-layer connector, in single precision."""
    joint = joint or ConnectorConfig()
    eyes, speech = open_tower(tower), open_language_model(language_model)
    tokenizer = open_tokenizer(language_model)
    with fork_rng(seed):
        add_special_tokens(speech, tokenizer)
    sight = VisionGeometry.of(eyes, joint)
    processor = build_processor(tower, tokenizer, sight, joint)
    processor.chat_template = select_template(tokenizer.chat_template, template_name)
    model = join_parts(eyes, speech, llava_config(eyes, speech, tokenizer, sight, joint), seed)
    model.generation_config = generation_config(tokenizer, speech)
    return model, processor


def open_llava(
    checkpoint: Path, *, template_name: str = "", dtype: str = "float32"
) -> "tuple[LlavaForConditionalGeneration, LlavaProcessor]":
    """Open a ready LLaVA checkpoint."""
    import torch
    from transformers import LlavaForConditionalGeneration

    torch_dtype = getattr(torch, dtype)
    kind = LlavaForConditionalGeneration
    model = from_folder(kind, checkpoint, "LLaVA checkpoint", dtype=torch_dtype)
    processor = load_processor(checkpoint, template_name)
    model.generation_config = generation_config(processor.tokenizer, model)
    return model, processor


def load_processor(checkpoint: Path, template_name: str = "") -> "LlavaProcessor":
    """Open the processor of a checkpoint, with a template where it has none or another is told."""
    processor = open_processor(checkpoint)
    if template_name or not processor.chat_template:
        processor.chat_template = select_template(None, template_name)
    return processor


@dataclass(frozen=True)
class VisionGeometry:
    """What a tower makes of an image: its side, its patches, and tokens that are no patch."""

    image_size: int
    patch_size: int
    tokens_per_image: int
    num_extra_tokens: int
    feature_select_strategy: Literal["default", "full"]

    @classmethod
    def of(cls, tower: "PreTrainedModel", joint: ConnectorConfig) -> "VisionGeometry":
        """Look at an empty image and count, whatever the class of the tower."""
        import torch

        side, patch = int(tower.config.image_size), int(tower.config.patch_size)
        blank = torch.zeros(1, 3, side, side)
        with torch.no_grad():
            seen = tower(pixel_values=blank, output_hidden_states=True)
        length = int(seen.hidden_states[joint.feature_layer].shape[1])
        additional = length - (side // patch) ** 2
        if additional not in (0, 1):
            raise TrainingError(
                f"the tower {type(tower).__name__} gives {length} tokens for {side} x {side} "
                f"pixels in patches of {patch}: at most one may be no patch."
            )
        cut = joint.feature_select == "patches" and additional == 1
        return cls(side, patch, length - cut, additional, "default" if cut else "full")


@contextmanager
def fork_rng(seed: int) -> Iterator[None]:
    """Draw what is new from this seed, and leave the generator of others as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def select_template(own: str | None, told: str) -> str:
    """Choose the template that is told, else the one that came with the weights, else Vicuna's."""
    if told:
        return template(told)
    return own or template("vicuna")


def build_processor(
    tower: Path, tokenizer: "PreTrainedTokenizerBase", sight: VisionGeometry, joint: ConnectorConfig
) -> "LlavaProcessor":
    """Make the processor: an image padded to a square as in LLaVA-1.5, scaled, normalised."""
    from transformers import LlavaProcessor
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    told = image_settings(tower)
    pixels = LlavaImageProcessorPil(
        do_pad=joint.pad_to_square,
        size={"shortest_edge": sight.image_size},
        crop_size={"height": sight.image_size, "width": sight.image_size},
        **{name: told[name] for name in ("image_mean", "image_std", "resample") if name in told},
    )
    return LlavaProcessor(
        image_processor=pixels,
        tokenizer=tokenizer,
        patch_size=sight.patch_size,
        vision_feature_select_strategy=sight.feature_select_strategy,
        num_additional_image_tokens=sight.num_extra_tokens,
        image_token=IMAGE_MARKER,
    )


def llava_config(
    tower: "PreTrainedModel",
    language_model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sight: VisionGeometry,
    joint: ConnectorConfig,
) -> "LlavaConfig":
    """Write the configuration of the joined model: two connector layers with GELU between."""
    from transformers import LlavaConfig

    return LlavaConfig(
        vision_config=copy.deepcopy(tower.config),
        text_config=copy.deepcopy(language_model.config),
        image_token_index=image_token_id(tokenizer),
        image_seq_length=sight.tokens_per_image,
        projector_hidden_act="gelu",
        vision_feature_layer=joint.feature_layer,
        vision_feature_select_strategy=sight.feature_select_strategy,
        tie_word_embeddings=bool(language_model.config.tie_word_embeddings),
    )


def join_parts(
    tower: "PreTrainedModel", language_model: "PreTrainedModel", config: "LlavaConfig", seed: int
) -> "LlavaForConditionalGeneration":
    """Put the parts in place; only the connector is new.

    It starts as PyTorch starts any linear layer, as in LLaVA; the library would draw it narrower.
    """
    import torch
    from transformers import LlavaForConditionalGeneration
    from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    with fork_rng(seed):
        model.model.multi_modal_projector = LlavaMultiModalProjector(config)
    model.model.vision_tower = tower
    model.model.language_model = language_model.base_model
    model.lm_head = language_model.get_output_embeddings()
    model.tie_weights()
    model.eval()
    return model


def generation_config(tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel") -> Any:
    """Answer greedily, end at the end token, and never write an image marker."""
    from transformers import GenerationConfig

    ends = model.generation_config.eos_token_id if model.generation_config else None
    known = ends if isinstance(ends, list) else [ends] if ends is not None else []
    return GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=sorted({*known, tokenizer.eos_token_id}),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[image_token_id(tokenizer)],
    )
