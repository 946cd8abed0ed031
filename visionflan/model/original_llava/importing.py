"""Load a checkpoint in the form of LLaVA's own code as a LLaVA of `transformers`.

The names of weights are those that `convert_llava_weights_to_hf.py` of `transformers` maps. Prompts
there are tokenized around the image (`tokenizer_image_token` in `llava/mm_utils.py`), so that the
tokenizer has no image token yet.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import VICUNA, select_template
from visionflan.model.families.llava import Llava
from visionflan.model.original_llava import (
    CONNECTOR_PREFIX,
    TOWER_PREFIX,
    original_connector_name,
)
from visionflan.model.original_llava.settings import (
    connector_config,
    language_model_config,
    language_model_type,
    read_settings,
)
from visionflan.model.original_llava.weights import (
    OriginalWeights,
    check_weights,
    read_weights,
    weight_files,
)
from visionflan.model.pretrained import (
    VOCAB_MULTIPLE,
    add_special_tokens,
    fork_rng,
    load_tokenizer,
    load_vision_tower,
)
from visionflan.model.tower_names import published_tower_name

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class OriginalModel(NamedTuple):
    """A model in memory, with the files that its weights were read from, and their type."""

    vlm: Llava
    files: list[Path]
    dtype: "torch.dtype"


def load_original(source: Path, vision_tower: Path, chat_template: str = "") -> OriginalModel:
    """Load a checkpoint, with the vision tower's configuration and image processor.

    The weights of the tower are those of the checkpoint if it has some, else those of
    `vision_tower`. The embeddings of added tokens are drawn from a fixed seed.
    """
    settings = read_settings(source)
    weight_files(source)
    tokenizer = load_original_tokenizer(source, settings)
    template = original_template(source, settings, tokenizer, chat_template)
    tower_model = load_vision_tower(vision_tower)
    weights = read_weights(source, CONNECTOR_PREFIX)
    check_tower_width(source, vision_tower, settings, tower_model, weights)
    replace_tower_weights(source, tower_model, weights)
    language_model = load_original_language_model(source, settings, weights)
    with fork_rng(0):
        add_special_tokens(language_model, tokenizer)
    vlm = Llava.join(
        vision_tower, tower_model, language_model, tokenizer, connector_config(settings)
    )
    vlm.processor.chat_template = template
    dtype = language_model.dtype
    vlm.vision_tower.to(dtype)
    load_connector(source, vlm, weights)
    return OriginalModel(vlm, weights.files, dtype)


def load_original_tokenizer(source: Path, settings: dict[str, Any]) -> "PreTrainedTokenizerBase":
    """Load the tokenizer and add the image token.

    Raises TrainingError if its files are missing, of which the library would make an empty one.
    """
    tokenizer: PreTrainedTokenizerBase | None = None
    if (source / "tokenizer.json").is_file():
        tokenizer = load_tokenizer(source, language_model_config(source, settings))
    vocab_size = int(settings.get("vocab_size", 0))
    if tokenizer is None or len(tokenizer) + VOCAB_MULTIPLE <= vocab_size:
        has = "no tokenizer.json" if tokenizer is None else f"a tokenizer of {len(tokenizer):,}"
        raise TrainingError(
            f"{source} has {has} for a vocabulary of {vocab_size:,}: save the tokenizer of "
            "its language model there as a fast one (tokenizer.json)"
        )
    tokenizer.add_tokens([IMAGE_MARKER], special_tokens=True)
    return tokenizer


def original_template(
    source: Path,
    settings: dict[str, Any],
    tokenizer: "PreTrainedTokenizerBase",
    chat_template: str,
) -> str:
    """Return the named chat template, else the tokenizer's own, else Vicuna's for a Llama."""
    own: Any = tokenizer.chat_template
    is_llama = language_model_type(source, settings) == "llama"
    if not (is_llama or own or chat_template):
        raise TrainingError(
            f"{source} has a Mistral without a chat template: name the one that it was trained "
            "with by --chat-template, as a file or as vicuna"
        )
    return select_template(own or vicuna_template(tokenizer), chat_template)


def vicuna_template(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Return Vicuna's template, which gives the tokens that LLaVA's own code makes of a prompt.

    There the texts before and after an image are tokenized apart, so that each begins with a mark
    for a space. Here they need one, unless the tokenizer adds the mark after any special token.
    """
    separate: Any = tokenizer("A", add_special_tokens=False).input_ids
    joined: Any = tokenizer(f"{IMAGE_MARKER}A", add_special_tokens=False).input_ids
    if joined[1:] == separate:
        return VICUNA
    spaced = VICUNA.replace(f"{{{{ '{IMAGE_MARKER}' }}}}", f"{{{{ '{IMAGE_MARKER} ' }}}}")
    return spaced.replace("{{- bos_token -}}", "{{- bos_token + ' ' -}}")


def check_tower_width(
    source: Path,
    vision_tower: Path,
    settings: dict[str, Any],
    tower_model: "PreTrainedModel",
    weights: OriginalWeights,
) -> None:
    """Raise TrainingError if the connector takes features of another width than the tower's."""
    first = weights.part(CONNECTOR_PREFIX).get("0.weight")
    if first is None:
        raise TrainingError(
            f"{source} lacks the weight {CONNECTOR_PREFIX}0.weight of its connector: copy its "
            "files again, with mm_projector.bin if there is one"
        )
    expected, actual = int(first.shape[-1]), int(tower_model.config.hidden_size)
    if expected != actual:
        raise TrainingError(
            f"the vision tower in {vision_tower} has features of width {actual}, and the connector "
            f"of {source} takes {expected}: name a directory of "
            f"{settings.get('mm_vision_tower', 'its own tower')}"
        )


def replace_tower_weights(
    source: Path, tower_model: "PreTrainedModel", weights: OriginalWeights
) -> None:
    """Load the weights of the checkpoint into the vision tower, if it has some of it."""
    kind, own = tower_model.config.model_type, tower_model.state_dict()
    # Versions of `transformers` differ in the module around a tower.
    original = {
        published_tower_name(name, kind): tensor
        for name, tensor in weights.part(TOWER_PREFIX).items()
    }
    if not original:
        return
    published = {published_tower_name(name, kind): name for name in own}
    check_weights(
        source, original, {name: own[published[name]] for name in published}, prefix=TOWER_PREFIX
    )
    tower_model.load_state_dict({published[name]: tensor for name, tensor in original.items()})


def load_original_language_model(
    source: Path, settings: dict[str, Any], weights: OriginalWeights
) -> "PreTrainedModel":
    """Return the language model, in the type of all weights."""
    import torch
    from transformers import AutoModelForCausalLM

    original = {
        name: tensor
        for name, tensor in weights.tensors.items()
        if not name.startswith((TOWER_PREFIX, CONNECTOR_PREFIX))
    }
    config = language_model_config(source, settings)
    untyped: Any = AutoModelForCausalLM
    with torch.device("meta"):
        structure = untyped.from_config(config)
    expected = structure.state_dict()
    for name in structure.all_tied_weights_keys:
        expected.pop(name, None)
        original.pop(name, None)
    check_weights(source, original, expected)
    model: PreTrainedModel = type(structure).from_pretrained(
        None, config=config, state_dict=original, dtype=weights.dtype
    )
    return model


def load_connector(source: Path, vlm: Llava, weights: OriginalWeights) -> None:
    """Load the weights of the connector."""
    connector, original = vlm.connector, weights.part(CONNECTOR_PREFIX)
    own = connector.state_dict()
    names = {original_connector_name(name): name for name in own}
    expected = {name: own[names[name]] for name in names}
    check_weights(source, original, expected, prefix=CONNECTOR_PREFIX)
    connector.to(vlm.model.dtype)
    connector.load_state_dict({names[name]: tensor for name, tensor in original.items()})
