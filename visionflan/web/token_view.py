"""The tokens of a conversation as a checkpoint is trained on them, with the loss mask."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.errors import TrainingError, UnusableError
from visionflan.escaping import escape_unprintable
from visionflan.storage.instance import Instance
from visionflan.web.open_build import OpenBuild

if TYPE_CHECKING:
    from visionflan.model.chat_tokenizer import ChatTokenizer, TokenizedConversation


class TokenText(NamedTuple):
    """A token as a page shows it.

    Attributes:
        repeats: more than 1 for the run of tokens of an image.
        has_loss: whether the loss mask selects it.
    """

    text: str
    token_id: int
    repeats: int
    has_loss: bool


class TokenView(NamedTuple):
    """The tokens of an instance, or why it would be dropped in training."""

    tokens: Sequence[TokenText] = ()
    problem: str = ""

    @property
    def num_tokens(self) -> int:
        """Return the number of tokens with those of images."""
        return sum(token.repeats for token in self.tokens)

    @property
    def num_target_tokens(self) -> int:
        """Return the number of tokens that the loss mask selects."""
        return sum(token.repeats for token in self.tokens if token.has_loss)


class InstanceTokenizer:
    """Tokenizes instances as training does with the processor of a checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        from visionflan.model.checkpoint_path import find_checkpoint
        from visionflan.model.families import load_chat_tokenizer

        self.checkpoint = find_checkpoint(checkpoint)
        self.chat_tokenizer: ChatTokenizer = load_chat_tokenizer(self.checkpoint)
        self.lock = Lock()  # a tokenizer is for one thread at a time

    def tokens(self, build: OpenBuild, instance: Instance) -> TokenView:
        """Return the tokens of an instance."""
        from visionflan.model.image_prompt import ImageSize

        headers = [build.directory.image_header(image_id) for image_id in instance.images]
        sizes = [ImageSize(height, width) for width, height, _ in headers]
        with self.lock:
            try:
                self.chat_tokenizer.validate(instance.turns, len(instance.images))
                (row,) = self.chat_tokenizer.encode_conversations([instance.turns], [sizes])
            except (TrainingError, UnusableError) as error:
                return TokenView(problem=str(error))
            return TokenView(list(self.token_texts(row)))

    def token_texts(self, row: "TokenizedConversation") -> Iterator[TokenText]:
        """Yield the tokens with their texts; those of an image together."""
        tokenizer, runs = self.chat_tokenizer.tokenizer, iter(row.image_runs)
        for token_id, has_loss in zip(row.token_ids, row.loss_mask, strict=True):
            is_image = token_id == self.chat_tokenizer.image_token_id
            text = token_text(tokenizer, token_id)
            yield TokenText(text, token_id, next(runs) if is_image else 1, has_loss)


def token_text(tokenizer: Any, token_id: int) -> str:
    """Return the text of a token; a part of a character as the tokenizer's vocabulary has it."""
    text = str(tokenizer.decode([token_id]))
    if not text or "\ufffd" in text:
        text = str(tokenizer.convert_ids_to_tokens(token_id))
    return "\n".join(map(escape_unprintable, text.split("\n")))
