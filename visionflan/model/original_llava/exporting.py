"""Write a LLaVA in the form of LLaVA's own code.

`llava/model/builder.py` of haotian-liu/LLaVA loads it: the settings decide the class, the vision
tower is found by name, and the tokenizer has no image token.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.atomic_write import write_json, write_text
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError
from visionflan.model.checkpoint_path import read_config
from visionflan.model.families import family_of
from visionflan.model.families.llava import Llava
from visionflan.model.original_llava import (
    CONNECTOR_PREFIX,
    TOWER_PREFIX,
    original_connector_name,
)
from visionflan.model.original_llava.settings import (
    ARCHITECTURES,
    OF_JOINED_MODEL,
    old_rope_settings,
)
from visionflan.model.pretrained import image_token_id
from visionflan.model.processor import CHAT_TEMPLATE
from visionflan.model.tower_names import published_tower_name

if TYPE_CHECKING:
    from torch import Tensor

PADDING_TOKEN = "<pad>"  # as `add_special_tokens` adds it
# The tower of LLaVA-1.5, and its sizes, by which one without a name is known.
DEFAULT_TOWER = "openai/clip-vit-large-patch14-336"
DEFAULT_SIZES = {"hidden_size": 1024, "num_hidden_layers": 24, "image_size": 336, "patch_size": 14}
# Of the tokenizer: what names added tokens, or only the current version of `transformers` knows.
DROPPED_SETTINGS = (
    "added_tokens_decoder",
    "backend",
    "chat_template",
    "extra_special_tokens",
    "image_token",
    "is_local",
    "local_files_only",
    "processor_class",
)
EMBEDDINGS = ("model.embed_tokens.weight", "lm_head.weight", "lm_head.bias")


class ExportedModel(NamedTuple):
    """A model, the name of its vision tower, and the tokens that it had before `<image>`."""

    vlm: Llava
    vision_tower: str
    vocab_size: int


def load_for_export(checkpoint: Path, vision_tower: str = "") -> ExportedModel:
    """Load a checkpoint in its own type. Raises TrainingError if LLaVA's code cannot open it."""
    family = family_of(checkpoint)
    config: dict[str, Any] = read_config(checkpoint)
    kinds = [config.get(part, {}).get("model_type") for part in ("text_config", "vision_config")]
    if family is not Llava or kinds[0] not in ARCHITECTURES or kinds[1] != "clip_vision_model":
        raise TrainingError(
            f"{checkpoint} cannot be exported: LLaVA's own code opens LLaVA-1.5 with a Llama or a "
            f"Mistral and a vision tower of CLIP, and this is {config['model_type']} with "
            f"{kinds[0]} and {kinds[1]}"
        )
    sizes = {name: config["vision_config"].get(name) for name in DEFAULT_SIZES}
    if not vision_tower and sizes != DEFAULT_SIZES:
        raise TrainingError(
            f"the vision tower of {checkpoint} is not that of LLaVA-1.5: name it by "
            "--vision-tower, as on the hub or as a directory"
        )
    check_connector(checkpoint, config)
    dtype = config.get("dtype") or config.get("torch_dtype") or "float32"
    vlm = Llava.load(checkpoint, dtype=str(dtype))
    return ExportedModel(vlm, vision_tower or DEFAULT_TOWER, original_vocab_size(checkpoint, vlm))


def check_connector(checkpoint: Path, config: Mapping[str, Any]) -> None:
    """Raise TrainingError if the connector differs from that of LLaVA-1.5."""
    activation = config.get("projector_hidden_act", "gelu")
    has_bias = config.get("multimodal_projector_bias", True)
    layer = config.get("vision_feature_layer", -2)
    if activation != "gelu" or not has_bias or not isinstance(layer, int):
        raise TrainingError(
            f"{checkpoint} cannot be exported: LLaVA's own code has a connector of two linear "
            "layers with biases and GELU, which takes the features of one layer of the tower"
        )


def original_vocab_size(checkpoint: Path, vlm: Llava) -> int:
    """Return how many tokens come before the image token, after which nothing may be lost."""
    tokenizer = vlm.processor.tokenizer
    image_token = image_token_id(tokenizer)
    for token, id_ in sorted(tokenizer.get_vocab().items()):
        if id_ >= image_token and token not in (IMAGE_MARKER, PADDING_TOKEN):
            raise TrainingError(
                f"{checkpoint} cannot be exported: its tokenizer has {token!r} after "
                f"{IMAGE_MARKER}, which LLaVA's own code does not know"
            )
    return image_token


def write_original(directory: Path, model: ExportedModel) -> None:
    """Write settings, weights and tokenizer."""
    from huggingface_hub import save_torch_state_dict

    tokenizer = write_tokenizer(directory, model)
    write_json(directory / "config.json", original_settings(model, tokenizer.pad_token_id))
    save_torch_state_dict(original_weights(model), directory)


def original_weights(model: ExportedModel) -> "dict[str, Tensor]":
    """Return the weights by their original names, without the rows of added tokens."""
    vlm: Any = model.vlm
    tied = vlm.model.all_tied_weights_keys
    tower_type = vlm.model.config.vision_config.model_type
    weights = {
        original_name(name, tower_type): weight
        for name, weight in vlm.model.state_dict().items()
        if name not in tied
    }
    for name in set(EMBEDDINGS) & weights.keys():
        weights[name] = weights[name][: model.vocab_size].clone()
    return weights


def original_name(name: str, tower_type: str) -> str:
    """Return the original name of a weight, by its name in memory."""
    part, _, rest = name.removeprefix("model.").partition(".")
    if part == "vision_tower":
        return TOWER_PREFIX + published_tower_name(rest, tower_type)
    if part == "multi_modal_projector":
        return CONNECTOR_PREFIX + original_connector_name(rest)
    return f"model.{rest}" if part == "language_model" else name


def original_settings(model: ExportedModel, pad_token_id: int) -> dict[str, Any]:
    """Return the content of `config.json`."""
    from transformers import PreTrainedConfig

    vlm = model.vlm
    config = vlm.model.config
    text = config.text_config.to_dict()
    general = PreTrainedConfig().to_dict().keys() - {"bos_token_id", "eos_token_id"}
    dropped = {*general, *OF_JOINED_MODEL, "rope_parameters"}
    all_features = config.vision_feature_select_strategy == "full"
    return {
        **{name: value for name, value in text.items() if name not in dropped},
        **old_rope_settings(text.get("rope_parameters") or {}),
        "architectures": [ARCHITECTURES[text["model_type"]]],
        "model_type": f"llava_{text['model_type']}",
        "torch_dtype": str(vlm.model.dtype).removeprefix("torch."),
        "vocab_size": model.vocab_size,
        "pad_token_id": pad_token_id,
        "tie_word_embeddings": bool(config.tie_word_embeddings),
        "pretraining_tp": 1,
        "use_mm_proj": True,
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_tower": model.vision_tower,
        "mm_hidden_size": vlm.feature_size,
        "mm_vision_select_layer": config.vision_feature_layer,
        "mm_vision_select_feature": "cls_patch" if all_features else "patch",
        "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False,
        # With this, the code takes the tower's weights from the checkpoint, and not by its name.
        "unfreeze_mm_vision_tower": True,
        "image_aspect_ratio": "pad" if vlm.processor.image_processor.do_pad else "square",
    }


def write_tokenizer(directory: Path, model: ExportedModel) -> Any:
    """Write the tokenizer without the tokens that were added here, and the chat template."""
    tokenizer = copy.deepcopy(model.vlm.processor.tokenizer)
    if tokenizer.pad_token_id >= model.vocab_size:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    tokenizer.chat_template = None
    tokenizer.save_pretrained(directory)
    write_text(directory / CHAT_TEMPLATE, str(model.vlm.processor.chat_template))
    file = directory / "tokenizer.json"
    content = json.loads(file.read_bytes())
    content["added_tokens"] = [
        token for token in content["added_tokens"] if token["id"] < model.vocab_size
    ]
    write_json(file, content)
    config_file = directory / "tokenizer_config.json"
    config = json.loads(config_file.read_bytes())
    for name in DROPPED_SETTINGS:
        config.pop(name, None)
    # So that also older versions read tokenizer.json, and need no tokenizer.model.
    write_json(config_file, config | {"tokenizer_class": "PreTrainedTokenizerFast"})
    return tokenizer
