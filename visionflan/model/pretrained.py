"""Load the parts of a model from directories of `transformers`, with errors a user can act on."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError
from visionflan.escaping import one_line
from visionflan.model.checkpoint_path import how_to_download
from visionflan.plural import counted

if TYPE_CHECKING:
    from transformers import (
        GenerationConfig,
        PreTrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

# Embeddings are padded to a multiple of this, which keeps matrix products on GPUs fast.
VOCAB_MULTIPLE = 64
MAX_REASON = 300  # characters of an error of `transformers`


def load_config(directory: Path) -> "PreTrainedConfig":
    """Load the `config.json` of a model. Raises TrainingError if it cannot be read."""
    from transformers import AutoConfig

    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(directory)
    except Exception as error:  # the class of a configuration can fail in any way
        raise TrainingError(
            f"the configuration in {directory} cannot be read: {one_line(str(error))[:MAX_REASON]}"
        ) from error
    return config


def load_vision_tower(directory: Path) -> "PreTrainedModel":
    """Load a vision tower, also from a checkpoint that includes a text model, such as CLIP's."""
    from transformers import AutoModel

    check_config_exists(directory, "vision tower")
    config: Any = load_config(directory)
    config = getattr(config, "vision_config", config)
    tower: PreTrainedModel = load_pretrained(AutoModel, directory, "vision tower", config=config)
    return tower


def load_language_model(directory: Path) -> "PreTrainedModel":
    """Load a causal language model in float32."""
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = load_pretrained(AutoModelForCausalLM, directory, "language model")
    return model


def silence_transformers() -> None:
    """Hide the library's progress bars and warnings; its errors still show."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def check_config_exists(directory: Path, description: str) -> None:
    """Raise TrainingError if a directory has no `config.json`."""
    if not (directory / "config.json").is_file():
        download = how_to_download(directory)
        raise TrainingError(
            f"{directory} is not a {description}: config.json is missing"
            + f"; {download}" * bool(download)
        )


def load_pretrained(auto_class: Any, directory: Path, description: str, **kwargs: Any) -> Any:
    """Load a model with `auto_class.from_pretrained`, in float32 unless `dtype` is given.

    Raises TrainingError, with `description`, if it cannot be loaded or some weights are missing.
    """
    import torch
    from safetensors import SafetensorError

    silence_transformers()
    kwargs.setdefault("dtype", torch.float32)
    check_config_exists(directory, description)
    try:
        check_num_weights(auto_class, directory, description, kwargs.get("config"))
        model, info = auto_class.from_pretrained(directory, output_loading_info=True, **kwargs)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except ImportError as error:  # of the package that reads a quantized checkpoint
        raise TrainingError(
            f"the {description} in {directory} cannot be loaded: {error}"
        ) from error
    except (OSError, RuntimeError, TypeError, ValueError, SafetensorError) as error:
        # The library lists all configuration classes that it has beside the one that is wrong.
        reason = str(error).partition("\n")[0][:MAX_REASON]
        raise TrainingError(
            f"the {description} in {directory} cannot be loaded: {reason}"
        ) from error
    if missing := sorted(info["missing_keys"]):
        raise TrainingError(
            f"the {description} in {directory} lacks {counted(len(missing), 'weight')}, "
            f"first {missing[0]}"
        )
    return model


def check_num_weights(
    auto_class: Any, directory: Path, description: str, config: "PreTrainedConfig | None"
) -> None:
    """Raise TrainingError if a configuration describes a model that its weights are no half of.

    A `config.json` without sizes has those of the largest model of its kind, for whose weights the
    library would take memory before it misses them. Weights in other files than safetensors, and
    quantized ones, of which several may be one number, are not counted.
    """
    import torch

    stored = count_stored(directory)
    config = config or load_config(directory)
    if not stored or getattr(config, "quantization_config", None):
        return
    make = getattr(auto_class, "from_config", None) or auto_class._from_config
    with torch.device("meta"):
        described = sum(weight.numel() for weight in make(config).parameters())
    if 2 * stored < described:
        raise TrainingError(
            f"the {description} in {directory} has {counted(stored, 'weight')}, and its "
            f"config.json describes {described:,}: copy the config.json that was published with it"
        )


def count_stored(directory: Path) -> int:
    """Return how many numbers the safetensors of a directory have, by their headers."""
    from safetensors import safe_open

    total = 0
    for file in directory.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            names = tensors.keys()
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in names)
    return total


def load_tokenizer(
    directory: Path, config: "PreTrainedConfig | None" = None
) -> "PreTrainedTokenizerBase":
    """Load a fast tokenizer; only those have the offsets that the loss mask needs.

    `config` stands for the `config.json` beside it, where the library cannot read that.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(directory, config=config)
    except (OSError, ValueError, ImportError) as error:
        raise TrainingError(
            f"the tokenizer in {directory} cannot be loaded: save it there as a fast tokenizer "
            f"(tokenizer.json); {error}"
        ) from error
    if not tokenizer.is_fast:
        raise TrainingError(
            f"the tokenizer in {directory} is a slow one: save it there as a fast tokenizer "
            "(tokenizer.json)"
        )
    if tokenizer.eos_token is None:
        raise TrainingError(
            f"the tokenizer in {directory} has no end-of-sequence token, so answers cannot end"
        )
    return tokenizer


def add_special_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Add the image token and a padding token where they are missing, and their embeddings."""
    if tokenizer.convert_tokens_to_ids(IMAGE_MARKER) in (None, tokenizer.unk_token_id):
        tokenizer.add_tokens([IMAGE_MARKER], special_tokens=True)
    if hasattr(tokenizer, "image_token"):
        # Gemma's tokenizers name one of their own, which processors would use instead.
        tokenizer.image_token = IMAGE_MARKER
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
    num_embeddings = int(model.get_input_embeddings().get_parameter("weight").shape[0])
    if len(tokenizer) > num_embeddings:
        model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=VOCAB_MULTIPLE)


def untie_unnamed_embeddings(model: "PreTrainedModel") -> None:
    """Separate the head of a language model from embeddings that LLaVA cannot tie it to.

    The classes of LLaVA tie the head to `embed_tokens` of the language model; the embeddings of
    GPT-2, OPT, Falcon and BLOOM have other names. The new head begins as a copy of them.
    """
    if model.config.tie_word_embeddings and not hasattr(model.base_model, "embed_tokens"):
        model.set_output_embeddings(copy.deepcopy(model.get_output_embeddings()))
        model.config.tie_word_embeddings = False


def check_language_model(model: "PreTrainedModel") -> None:
    """Raise TrainingError if LLaVA cannot use a language model.

    Its embeddings must be as wide as its layers, and its layers must attend to earlier tokens.
    """
    if getattr(model, "_is_stateful", False):
        raise TrainingError(
            f"the language model {model.config.name_or_path} is recurrent, and the classes of "
            "LLaVA generate with models of attention only: set init.language_model to one"
        )
    width = int(model.get_input_embeddings().get_parameter("weight").shape[1])
    if width != model.config.hidden_size:
        raise TrainingError(
            f"the language model {model.config.name_or_path} has embeddings of width {width} and "
            f"layers of width {model.config.hidden_size}, which LLaVA cannot join to a vision "
            "tower: set init.language_model to a model with one width"
        )


def image_token_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the id of the image token."""
    token_id = tokenizer.convert_tokens_to_ids(IMAGE_MARKER)
    assert isinstance(token_id, int)
    return token_id


def image_processor_settings(vision_tower: Path) -> dict[str, Any]:
    """Read the settings of the image processor that the vision tower was trained with."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(vision_tower)
    except OSError as error:
        raise TrainingError(
            f"the vision tower in {vision_tower} has no preprocessor_config.json, which says how "
            "its images are prepared: copy the one that was published with it"
        ) from error
    return dict(settings)


def greedy_generation_config(
    tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel", image_token: int | None = None
) -> "GenerationConfig":
    """Return a config for greedy decoding that stops at the end token and writes no image token.

    `image_token` is its id; by default, that of the token whose text is the image marker.
    """
    from transformers import GenerationConfig

    generation_eos = model.generation_config.eos_token_id if model.generation_config else None
    config: Any = GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=sorted({*token_id_list(generation_eos), tokenizer.eos_token_id}),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[image_token_id(tokenizer) if image_token is None else image_token],
    )
    result: GenerationConfig = config
    return result


def token_id_list(token_ids: int | list[int] | None) -> list[int]:
    """Return the token ids of a setting that may be one, several, or none."""
    if token_ids is None:
        return []
    return token_ids if isinstance(token_ids, list) else [token_ids]


@contextmanager
def fork_rng(seed: int) -> Iterator[None]:
    """Seed torch's random numbers inside the block, and restore their state after it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
