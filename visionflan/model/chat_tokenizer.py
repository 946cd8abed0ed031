"""Tokenize conversations with a chat template, and compute the loss mask of their answers.

Training and generation share this code, so both see the same tokens. The mask comes from the
spans that the chat template marks with `{% generation %}`, mapped to tokens by their offsets.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.pretrained import image_token_id
from visionflan.plural import counted
from visionflan.prompt import split_at_images
from visionflan.storage.instance import Turn

if TYPE_CHECKING:
    from transformers import ProcessorMixin

QUESTION = "What is it?"
PROBE = (Turn("user", f"{IMAGE_MARKER}\n{QUESTION}"), Turn("assistant", "A cat."))
SET_ANOTHER = "set another by init.chat_template (vicuna, plain, or a Jinja file)"


class TokenizedConversation(NamedTuple):
    """The token ids of a conversation, one for each image, and its loss mask.

    The mask is True for the tokens of answers, the end token of each included.
    """

    token_ids: list[int]
    loss_mask: list[bool]


def answer_tokens(conversation: TokenizedConversation) -> list[int]:
    """Return the token ids that the loss mask selects."""
    return [token for token, is_target in zip(*conversation, strict=True) if is_target]


class ChatTokenizer:
    """Tokenizes conversations with one processor's chat template and tokenizer.

    `tokens_per_image` is the number of features that the vision tower returns for an image.
    """

    def __init__(self, processor: "ProcessorMixin", tokens_per_image: int) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.chat_template = str(processor.chat_template)
        self.image_token_id = image_token_id(self.tokenizer)
        self.pad_token_id = int(self.tokenizer.pad_token_id)
        self.tokens_per_image = tokens_per_image
        names = sorted({*self.tokenizer.all_special_tokens, *added_special_tokens(self.tokenizer)})
        self.special_tokens = re.compile("|".join(map(re.escape, names)))
        self.check_template()

    def check_template(self) -> None:
        """Raise TrainingError if the template would train wrongly.

        It must render images and texts, mark each answer, end it, and not change a prompt.
        """
        self.check_content()
        probe = self.encode_conversations([PROBE])[0]
        if not any(probe.loss_mask):
            raise TrainingError(
                "the chat template marks no answer with {% generation %}, so there is nothing to "
                f"learn: {SET_ANOTHER}"
            )
        if self.tokenizer.eos_token_id not in answer_tokens(probe):
            raise TrainingError(
                "the chat template does not end answers with the end-of-sequence token, so a model "
                f"would not learn to stop: {SET_ANOTHER}"
            )
        self.check_prompt_prefix(PROBE, probe)

    def check_content(self) -> None:
        """Raise TrainingError if the template does not render the parts of a turn."""
        from jinja2 import TemplateError

        try:
            (text,), _ = self.render([PROBE[:1]], add_generation_prompt=True)
        except (TypeError, TemplateError) as error:
            raise TrainingError(
                "the chat template takes the content of a turn as text only, not as a list of "
                f"images and texts ({error}): {SET_ANOTHER}"
            ) from error
        if text.count(IMAGE_MARKER) != 1 or QUESTION not in text:
            raise TrainingError(
                "the chat template does not write the content of a turn, a list of images and "
                f"texts, with {IMAGE_MARKER} for an image, so it is for text only or for another "
                f"kind of model: {SET_ANOTHER}"
            )

    def check_prompt_prefix(
        self, turns: Sequence[Turn], conversation: TokenizedConversation
    ) -> None:
        """Raise TrainingError if the first prompt has other tokens in training than at inference.

        `conversation` is what `encode_conversations` returned for `turns`.
        """
        first = conversation.loss_mask.index(True)
        if self.encode_prompts([turns[:1]])[0] != conversation.token_ids[:first]:
            raise TrainingError(
                f"the prompt {turns[0].text!r} has other tokens in training than at inference: the "
                "chat template must end a prompt (for example with `ASSISTANT:`) the same way in "
                "both"
            )

    def validate(self, turns: Sequence[Turn], num_images: int) -> None:
        """Raise UnusableError if a text contains a special token or image markers do not match."""
        markers = sum(turn.text.count(IMAGE_MARKER) for turn in turns if turn.role == "user")
        if markers != num_images:
            detail = f"{counted(markers, 'image marker')} and {counted(num_images, 'image')}"
            raise UnusableError("image_token_mismatch", detail)
        for turn in turns:
            text = turn.text if turn.role == "assistant" else turn.text.replace(IMAGE_MARKER, "")
            if match := self.special_tokens.search(text):
                raise UnusableError(
                    "special_token", f"the text contains {match[0]}, a special token"
                )

    def encode_conversations(
        self, conversations: Sequence[Sequence[Turn]]
    ) -> list[TokenizedConversation]:
        """Return the token ids and loss masks of complete conversations."""
        texts, spans = self.render(conversations, add_generation_prompt=False)
        encodings = self.tokenize(texts)
        rows = zip(encodings["input_ids"], encodings["offset_mapping"], spans, strict=True)
        return [
            TokenizedConversation(token_ids, assistant_mask(offsets, answer_spans))
            for token_ids, offsets, answer_spans in rows
        ]

    def encode_prompts(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Return the token ids of conversations that end with a user's turn.

        They end where the answer begins.
        """
        if not conversations:
            return []
        texts, _ = self.render(conversations, add_generation_prompt=True)
        token_ids: list[list[int]] = self.tokenize(texts)["input_ids"]
        return token_ids

    def render(
        self, conversations: Sequence[Sequence[Turn]], *, add_generation_prompt: bool
    ) -> tuple[list[str], list[list[tuple[int, int]]]]:
        """Return conversations as text, and the character spans of the answers in each."""
        from transformers.utils.chat_template_utils import render_jinja_template

        untyped: Any = render_jinja_template
        texts, spans = untyped(
            conversations=[messages(turns) for turns in conversations],
            chat_template=self.chat_template,
            return_assistant_tokens_mask=not add_generation_prompt,
            add_generation_prompt=add_generation_prompt,
            **self.tokenizer.special_tokens_map,
        )
        return texts, spans

    def tokenize(self, texts: list[str]) -> Any:
        """Return token ids and offsets; the beginning token is added only if the template has none.

        All texts must come from the same template.
        """
        bos_token = self.tokenizer.bos_token
        has_bos = bos_token is not None and texts[0].startswith(bos_token)
        return self.tokenizer(texts, add_special_tokens=not has_bos, return_offsets_mapping=True)

    def expand_image_tokens(self, token_ids: Sequence[int]) -> list[int]:
        """Return token ids with each image token repeated once per image feature."""
        expanded: list[int] = []
        for token in token_ids:
            expanded += [token] * (self.tokens_per_image if token == self.image_token_id else 1)
        return expanded


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return turns as chat templates take them, with each image as a separate content part."""
    return [{"role": turn.role, "content": split_at_images(turn.text)} for turn in turns]


def assistant_mask(
    offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[bool]:
    """Return for each token whether it is in a span; `offsets` are its characters.

    Raises TrainingError if a token crosses the beginning of a span.
    """
    mask = [False] * len(offsets)
    index = 0
    for begin, end in spans:
        while index < len(offsets) and offsets[index][1] <= begin:
            index += 1
        if index < len(offsets) and offsets[index][0] < begin < offsets[index][1]:
            raise TrainingError(
                "one token spans the end of a prompt and the beginning of its answer: the chat "
                "template must separate them"
            )
        while index < len(offsets) and offsets[index][0] < end:
            mask[index] = offsets[index][0] < offsets[index][1]
            index += 1
    return mask


def added_special_tokens(tokenizer: Any) -> list[str]:
    """Return the special tokens that were added to a tokenizer after its training."""
    added = tokenizer.added_tokens_decoder.values()
    return [str(token) for token in added if token.special]
