"""Language models to exchange: in checkpoints, or plain ones in directories of their own.

They must have the same width, the same chat template and the same vocabulary: each token has one id
in both tokenizers. A plain language model may lack tokens that were added for images and padding.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.analysis.weights.stored_model import (
    StoredModel,
    StoredPart,
    local_weights,
    match_names,
    open_structure,
)
from visionflan.analysis.weights.weight_files import WeightFiles
from visionflan.errors import TrainingError
from visionflan.model.pretrained import check_config_exists, load_config, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


@dataclass(frozen=True)
class LanguageModel:
    """A language model on disk, without its weights.

    Attributes:
        path: the directory of the checkpoint, or its own
        config: its configuration
        tokenizer: its tokenizer
        chat_template: its chat template; None where a plain one has none
        is_plain: whether it is no part of a checkpoint
    """

    path: Path
    config: "PreTrainedConfig"
    tokenizer: "PreTrainedTokenizerBase"
    chat_template: str | None
    is_plain: bool = False

    @classmethod
    def of(cls, model: StoredModel) -> "LanguageModel":
        """Return that of a checkpoint."""
        structure = model.structure
        processor: Any = structure.processor
        config = structure.model.config.get_text_config()
        return cls(model.directory, config, processor.tokenizer, str(processor.chat_template))

    @classmethod
    def open_plain(cls, directory: Path) -> "LanguageModel":
        """Open a directory that `AutoModelForCausalLM` loads."""
        check_config_exists(directory, "language model")
        tokenizer = load_tokenizer(directory)
        config = load_config(directory)
        template: Any = tokenizer.chat_template
        return cls(directory, config, tokenizer, template, is_plain=True)

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """The id of each token."""
        return self.tokenizer.get_vocab()


def check_exchangeable(base: LanguageModel, donor: LanguageModel) -> None:
    """Raise TrainingError unless one language model fits behind the connector of another."""
    if base.config.hidden_size != donor.config.hidden_size:
        raise TrainingError(
            f"the language model of {donor.path} is {donor.config.hidden_size} wide, but the "
            f"connector of {base.path} maps to a width of {base.config.hidden_size}: name a "
            "language model of that width"
        )
    if bool(base.config.tie_word_embeddings) != bool(donor.config.tie_word_embeddings):
        tied, untied = (base, donor) if base.config.tie_word_embeddings else (donor, base)
        raise TrainingError(
            f"the language model of {tied.path} ties its output head to its embeddings and that of "
            f"{untied.path} does not: name two that agree"
        )
    check_same_vocabulary(base, donor)


def check_same_vocabulary(base: LanguageModel, donor: LanguageModel) -> None:
    """Raise TrainingError unless each token has the same id in both, and both have it.

    A plain donor may lack tokens that were added to the checkpoint's tokenizer.
    """
    here, there = base.vocabulary, donor.vocabulary
    for token, token_id in sorted(there.items(), key=lambda item: item[1]):
        if here.get(token) != token_id:
            expected = f"the id {here[token]}" if token in here else "no id"
            raise TrainingError(
                f"the token {token!r} has the id {token_id} in {donor.path}, but {expected} in "
                f"{base.path}: name a language model with the same vocabulary"
            )
    added = base.tokenizer.get_added_vocab() if donor.is_plain else {}
    if missing := sorted(here.keys() - there.keys() - added.keys(), key=lambda token: here[token]):
        raise TrainingError(
            f"the tokenizer of {donor.path} lacks the token {missing[0]!r} of {base.path}: name a "
            "language model with the same vocabulary"
        )


def check_same_template(base: LanguageModel, donor: LanguageModel, remedy: str) -> None:
    """Raise TrainingError unless the chat templates are the same or a plain donor has none."""
    if donor.chat_template and donor.chat_template != base.chat_template:
        raise TrainingError(
            f"the chat template of {donor.path} is another than that of {base.path}: {remedy}"
        )


def config_with(base: StoredModel, donor: LanguageModel) -> "PreTrainedConfig":
    """Return the configuration of a checkpoint with another language model.

    A plain one gets the size of the checkpoint's vocabulary, which has rows for added tokens.
    """
    config: Any = copy.deepcopy(base.structure.model.config)
    text_config: Any = copy.deepcopy(donor.config)
    text_config.dtype, text_config._name_or_path = config.text_config.dtype, ""
    if donor.is_plain:
        text_config.vocab_size = config.text_config.vocab_size
    config.text_config, config._name_or_path = text_config, ""
    result: PreTrainedConfig = config
    return result


def open_plain_weights(base: StoredModel, donor: Path, config: "PreTrainedConfig") -> StoredPart:
    """Return the weights of a plain language model, by their names in a checkpoint."""
    files = WeightFiles(donor)
    structure = open_structure(base.directory, config)
    names = {name: name for name in files.files}
    return match_names(files, names, local_weights(structure, "language_model"))
