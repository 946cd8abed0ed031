"""Open the parts of a model from folders of `transformers`, or say what is wrong with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError

if TYPE_CHECKING:
    from transformers import LlavaProcessor, PreTrainedModel, PreTrainedTokenizerBase

# Rows are added to the embeddings in multiples that matrix units like.
MULTIPLE = 64


def open_tower(folder: Path) -> "PreTrainedModel":
    """Open the vision part of a folder, which may hold a text part too, as CLIP's do."""
    from transformers import AutoConfig, AutoModel

    config = read_config(AutoConfig, folder, "vision tower")
    config = getattr(config, "vision_config", config)
    tower: PreTrainedModel = from_folder(AutoModel, folder, "vision tower", config=config)
    return tower


def open_language_model(folder: Path) -> "PreTrainedModel":
    """Open a causal language model."""
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = from_folder(AutoModelForCausalLM, folder, "language model")
    return model


def quiet() -> None:
    """Keep the library's progress bars and advice out of ours; its errors still show."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def read_config(reader: Any, folder: Path, kind: str) -> Any:
    """Read the configuration in a folder, or say in one sentence that it holds none."""
    if not (folder / "config.json").is_file():
        raise TrainingError(f"{folder} holds no {kind}: there is no config.json in it.")
    return reader.from_pretrained(folder)


def from_folder(reader: Any, folder: Path, kind: str, **given: Any) -> Any:
    """Read weights in single precision or as told, and refuse a folder that lacks some of them."""
    import torch

    quiet()
    given.setdefault("dtype", torch.float32)
    if not (folder / "config.json").is_file():
        raise TrainingError(f"{folder} holds no {kind}: there is no config.json in it.")
    try:
        model, report = reader.from_pretrained(folder, output_loading_info=True, **given)
    except (OSError, ValueError) as fault:
        raise TrainingError(f"the {kind} in {folder} cannot be opened: {fault}") from fault
    if missing := sorted(report["missing_keys"]):
        raise TrainingError(
            f"the {kind} in {folder} lacks {len(missing)} of its weights, {missing[0]} the first."
        )
    return model


def open_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """Open a fast tokenizer, whose offsets tell which tokens an answer is made of."""
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, ImportError) as fault:
        raise TrainingError(
            f"the tokenizer in {folder} cannot be opened: save its fast form there "
            f"(tokenizer.json); {fault}"
        ) from fault
    if not tokenizer.is_fast:
        raise TrainingError(
            f"the tokenizer in {folder} is a slow one: save its fast form there (tokenizer.json)."
        )
    if tokenizer.eos_token is None:
        raise TrainingError(f"the tokenizer in {folder} has no end token, so answers cannot end.")
    return tokenizer


def add_special_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Add the image marker and a padding token where they are missing, with rows to embed them."""
    if tokenizer.convert_tokens_to_ids(IMAGE_MARKER) in (None, tokenizer.unk_token_id):
        tokenizer.add_tokens([IMAGE_MARKER], special_tokens=True)
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
    rows = int(model.get_input_embeddings().get_parameter("weight").shape[0])
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=MULTIPLE)


def image_token_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Give the number of the token that stands for an image."""
    token = tokenizer.convert_tokens_to_ids(IMAGE_MARKER)
    assert isinstance(token, int)
    return token


def image_settings(tower: Path) -> dict[str, Any]:
    """Read how the tower's images were prepared."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(tower)
    except OSError as fault:
        raise TrainingError(
            f"the vision tower in {tower} has no preprocessor_config.json beside it, which tells "
            "how its images were prepared."
        ) from fault
    return dict(settings)


def open_processor(checkpoint: Path) -> "LlavaProcessor":
    """Open the processor of a LLaVA checkpoint with the image processor that needs no extras."""
    from transformers import LlavaProcessor
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    try:
        processor: LlavaProcessor = LlavaProcessor.from_pretrained(checkpoint)
        processor.image_processor = LlavaImageProcessorPil.from_pretrained(checkpoint)
    except (OSError, ValueError) as fault:
        raise TrainingError(f"{checkpoint} holds no LLaVA processor: {fault}") from fault
    return processor
