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
from visionflan.model.pretrained import load_tokenizer, token_id_list

CHAT_TEMPLATE = "chat_template.jinja"
# Older versions of `transformers` write the template into a file of JSON.
OLD_CHAT_TEMPLATE = "chat_template.json"
GENERATION_CONFIG = "generation_config.json"
FILES = (
    CHAT_TEMPLATE,
    OLD_CHAT_TEMPLATE,
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "added_tokens.json",
    "merges.txt",
    "processor_config.json",
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
    """

    tokenizer: Any
    image_processor: Any
    chat_template: str
    config: Any
    end_token_ids: tuple[int, ...]
    files: Mapping[str, bytes]

    @classmethod
    def load(
        cls, checkpoint: Path, image_processor_class: type[Any], chat_template: str = ""
    ) -> "CheckpointProcessor":
        """Load the processor of a checkpoint; `chat_template` names another template."""
        from transformers import AutoConfig

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
                f"{checkpoint} has no chat template: name one by init.chat_template, as a file"
            )
        config = AutoConfig.from_pretrained(checkpoint)
        image_token_id = getattr(config, "image_token_id", None)
        if image_token_id is not None and tokenizer.convert_ids_to_tokens(image_token_id) is None:
            raise TrainingError(
                f"the tokenizer in {checkpoint} has no token {image_token_id}, the image token of "
                "config.json: copy the tokenizer that was published with the model"
            )
        return cls(tokenizer, image_processor, template, config, end_token_ids(checkpoint), files)

    def save_pretrained(self, directory: Path) -> None:
        """Write the files that the processor came in, and its chat template."""
        for name, content in self.files.items():
            (directory / name).write_bytes(content)
        if self.chat_template != own_template(self.files, self.tokenizer):
            (directory / OLD_CHAT_TEMPLATE).unlink(missing_ok=True)
            (directory / CHAT_TEMPLATE).write_text(self.chat_template)


def own_template(files: Mapping[str, bytes], tokenizer: Any) -> str | None:
    """Return the chat template in the files of a processor, or else that of its tokenizer."""
    if CHAT_TEMPLATE in files:
        return files[CHAT_TEMPLATE].decode()
    if OLD_CHAT_TEMPLATE in files:
        return str(json.loads(files[OLD_CHAT_TEMPLATE])["chat_template"])
    template = tokenizer.chat_template
    # Templates for several uses have names, by which `transformers` chooses this one.
    template = template.get("default") if isinstance(template, dict) else template
    return None if template is None else str(template)


def end_token_ids(checkpoint: Path) -> tuple[int, ...]:
    """Return the tokens at which a checkpoint ends generation, by its own settings."""
    file = checkpoint / GENERATION_CONFIG
    settings = json.loads(file.read_bytes()) if file.is_file() else {}
    return tuple(token_id_list(settings.get("eos_token_id")))
