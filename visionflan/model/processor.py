"""The processor of a checkpoint: its tokenizer, image processor and chat template.

The processor classes of many models need torchvision, or packages for video, before they load. A
model that is tuned keeps its processor, so the files of the checkpoint are passed on as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from visionflan.errors import TrainingError
from visionflan.model.chat_templates import load_template
from visionflan.model.pretrained import load_config, load_tokenizer, token_id_list

CHAT_TEMPLATE = "chat_template.jinja"
# Older versions of `transformers` write the template into a file of JSON.
OLD_CHAT_TEMPLATE = "chat_template.json"
GENERATION_CONFIG = "generation_config.json"
PROCESSOR_CONFIG = "processor_config.json"
FILES = (
    CHAT_TEMPLATE,
    OLD_CHAT_TEMPLATE,
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "added_tokens.json",
    "merges.txt",
    PROCESSOR_CONFIG,
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
)


class Processor(Protocol):
    """What is used of a processor, be it of `transformers` or a `CheckpointProcessor`."""

    tokenizer: Any
    image_processor: Any
    chat_template: Any

    def save_pretrained(self, directory: Path, /) -> Any:
        """Write the files of the processor."""


@dataclass
class CheckpointProcessor:
    """The processor of a checkpoint, with the files that it came in.

    Attributes:
        config: of the model, which says how many features it makes of an image
        end_token_ids: of the tokens at which generation ends
        files: the content of its files by their names
        has_generation_config: whether the checkpoint itself names those tokens
    """

    tokenizer: Any
    image_processor: Any
    chat_template: str
    config: Any
    end_token_ids: tuple[int, ...]
    files: Mapping[str, bytes]
    has_generation_config: bool = True

    @classmethod
    def load(
        cls, checkpoint: Path, image_processor_class: type[Any], chat_template: str = ""
    ) -> "CheckpointProcessor":
        """Load the processor of a checkpoint; `chat_template` names another template."""
        tokenizer = load_tokenizer(checkpoint)
        try:
            image_processor = image_processor_class.from_pretrained(checkpoint)
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"the image processor in {checkpoint} cannot be loaded: {error}"
            ) from error
        present = [name for name in FILES if (checkpoint / name).is_file()]
        files = {name: (checkpoint / name).read_bytes() for name in present}
        template = load_template(chat_template) if chat_template else own_template(files, tokenizer)
        if template is None:
            raise TrainingError(
                f"{checkpoint} has no chat template: add chat_template.jinja to it, or name a file "
                "by init.chat_template in a recipe"
            )
        config = load_config(checkpoint)
        image_token_id = getattr(config, "image_token_id", None)
        if image_token_id is not None and tokenizer.convert_ids_to_tokens(image_token_id) is None:
            raise TrainingError(
                f"the tokenizer in {checkpoint} has no token {image_token_id}, the image token of "
                "config.json: copy the tokenizer that was published with the model"
            )
        return cls(
            tokenizer,
            image_processor,
            template,
            config,
            end_token_ids(checkpoint, config),
            files,
            (checkpoint / GENERATION_CONFIG).is_file(),
        )

    def save_pretrained(self, directory: Path) -> None:
        """Write the files that the processor came in, and its chat template."""
        for name, content in self.files.items():
            (directory / name).write_bytes(content)
        if self.chat_template != own_template(self.files, self.tokenizer):
            (directory / OLD_CHAT_TEMPLATE).unlink(missing_ok=True)
            if settings := processor_settings(self.files):
                settings.pop("chat_template", None)
                (directory / PROCESSOR_CONFIG).write_text(json.dumps(settings, indent=2))
            (directory / CHAT_TEMPLATE).write_text(self.chat_template)


def own_template(files: Mapping[str, bytes], tokenizer: Any) -> str | None:
    """Return the chat template in the files of a processor, or else that of its tokenizer.

    Of several files, `transformers` reads the older form.
    """
    template = processor_settings(files).get("chat_template")
    if template is None and OLD_CHAT_TEMPLATE in files:
        template = json.loads(files[OLD_CHAT_TEMPLATE])["chat_template"]
    if template is None and CHAT_TEMPLATE in files:
        template = files[CHAT_TEMPLATE].decode()
    if template is None:
        template = tokenizer.chat_template
    # Templates for several uses have names, by which `transformers` chooses this one.
    template = template.get("default") if isinstance(template, dict) else template
    return None if template is None else str(template)


def processor_settings(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the settings of a processor, beside those of its parts; empty if it has no file."""
    settings: dict[str, Any] = json.loads(files.get(PROCESSOR_CONFIG, b"{}"))
    return settings


def end_token_ids(checkpoint: Path, config: Any) -> tuple[int, ...]:
    """Return the tokens at which a checkpoint ends generation.

    Where it has no settings of generation, they follow from the model's, as in `transformers`.
    """
    from transformers import GenerationConfig

    file = checkpoint / GENERATION_CONFIG
    if file.is_file():
        return tuple(token_id_list(json.loads(file.read_bytes()).get("eos_token_id")))
    return tuple(token_id_list(GenerationConfig.from_model_config(config).eos_token_id))
