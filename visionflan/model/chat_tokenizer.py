"""Turn conversations into tokens, and mark those that an answer is made of.

The same code serves training and generation, so both see the same tokens. The marks come from the
spans that the chat template calls `generation`, found again by the tokenizer's offsets.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.pretrained import image_token
from visionflan.storage.instance import Turn

if TYPE_CHECKING:
    from transformers import LlavaProcessor

PROBE = (Turn("user", f"{IMAGE_MARKER}\nWhat is it?"), Turn("assistant", "A cat."))


class TokenizedConversation(NamedTuple):
    """The tokens of a conversation, one for each image, and whether each is to be learnt."""

    tokens: list[int]
    learned: list[bool]


def answer_tokens(encoded: TokenizedConversation) -> list[int]:
    """Give the tokens that are to be learnt."""
    return [token for token, learned in zip(*encoded, strict=True) if learned]


class ChatTokenizer:
    """Encodes conversations in the words of one processor's chat template and tokenizer."""

    def __init__(self, processor: "LlavaProcessor") -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.template = str(processor.chat_template)
        self.image_token = image_token(self.tokenizer)
        self.padding = int(self.tokenizer.pad_token_id)
        self.tokens_per_image = tokens_per_image(processor)
        names = sorted({*self.tokenizer.all_special_tokens, *added_specials(self.tokenizer)})
        self.specials = re.compile("|".join(map(re.escape, names)))
        self.prove()

    def prove(self) -> None:
        """Refuse a template whose answers cannot be found, do not end, or change their prompt."""
        encoded = self.conversations([PROBE])[0]
        if not any(encoded.learned):
            raise TrainingError(
                "the chat template marks no answer with {% generation %}: tell another template."
            )
        if self.tokenizer.eos_token_id not in answer_tokens(encoded):
            raise TrainingError(
                "the chat template does not end an answer with an end token, so a model would not "
                "learn to stop: tell another template."
            )
        self.agree(PROBE, encoded)

    def agree(self, turns: Sequence[Turn], encoded: TokenizedConversation) -> None:
        """Refuse a first prompt that has other tokens in training than when it is asked."""
        first = encoded.learned.index(True)
        if self.prompts([turns[:1]])[0] != encoded.tokens[:first]:
            raise TrainingError(
                f"the prompt {turns[0].text!r} has other tokens in training than when it is "
                "asked: the chat template must add `ASSISTANT:` or its like in both."
            )

    def check(self, turns: Sequence[Turn], images: int) -> None:
        """Raise UnusableError where words hold a special token, or markers and images differ."""
        markers = sum(turn.text.count(IMAGE_MARKER) for turn in turns if turn.role == "user")
        if markers != images:
            raise UnusableError("image_count", f"{markers} image markers and {images} images")
        for turn in turns:
            words = turn.text if turn.role == "assistant" else turn.text.replace(IMAGE_MARKER, "")
            if found := self.specials.search(words):
                raise UnusableError(
                    "special_token", f"the words hold {found[0]}, which the tokenizer reserves"
                )

    def conversations(self, conversations: Sequence[Sequence[Turn]]) -> list[TokenizedConversation]:
        """Encode whole conversations and mark the tokens of their answers."""
        texts, spans = self.render(conversations, prompt=False)
        encodings = self.tokenize(texts)
        pairs = zip(encodings["input_ids"], encodings["offset_mapping"], spans, strict=True)
        return [
            TokenizedConversation(tokens, assistant_mask(offsets, found))
            for tokens, offsets, found in pairs
        ]

    def prompts(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Encode conversations that end with a question, up to where the answer begins."""
        if not conversations:
            return []
        texts, _ = self.render(conversations, prompt=True)
        tokens: list[list[int]] = self.tokenize(texts)["input_ids"]
        return tokens

    def render(
        self, conversations: Sequence[Sequence[Turn]], *, prompt: bool
    ) -> tuple[list[str], list[list[tuple[int, int]]]]:
        """Write conversations as the template does; give the texts, and the spans of answers."""
        from transformers.utils.chat_template_utils import render_jinja_template

        writer: Any = render_jinja_template
        texts, spans = writer(
            conversations=[messages(turns) for turns in conversations],
            chat_template=self.template,
            return_assistant_tokens_mask=not prompt,
            add_generation_prompt=prompt,
            **self.tokenizer.special_tokens_map,
        )
        return texts, spans

    def tokenize(self, texts: list[str]) -> Any:
        """Split texts into tokens; one is begun once, by the template or by the tokenizer."""
        begin = self.tokenizer.bos_token
        begun = begin is not None and texts[0].startswith(begin)
        return self.tokenizer(texts, add_special_tokens=not begun, return_offsets_mapping=True)

    def expand(self, tokens: Sequence[int]) -> list[int]:
        """Repeat the token of each image as often as the image has features."""
        spread: list[int] = []
        for token in tokens:
            spread += [token] * (self.tokens_per_image if token == self.image_token else 1)
        return spread


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Give turns in the form that chat templates take, each image a part of its own."""
    return [{"role": turn.role, "content": list(split_at_images(turn.text))} for turn in turns]


def split_at_images(text: str) -> list[dict[str, str]]:
    """Split a text at its image markers."""
    given: list[dict[str, str]] = []
    for place, words in enumerate(text.split(IMAGE_MARKER)):
        given += [{"type": "image"}] * (place > 0)
        given += [{"type": "text", "text": words}] * bool(words)
    return given


def assistant_mask(
    offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[bool]:
    """Say of each token whether it lies in a span; one that crosses a beginning is refused."""
    learned = [False] * len(offsets)
    place = 0
    for begin, end in spans:
        while place < len(offsets) and offsets[place][1] <= begin:
            place += 1
        if place < len(offsets) and offsets[place][0] < begin < offsets[place][1]:
            raise TrainingError(
                "a token holds the end of a prompt and the beginning of its answer: the chat "
                "template must keep them apart."
            )
        while place < len(offsets) and offsets[place][0] < end:
            learned[place] = offsets[place][0] < offsets[place][1]
            place += 1
    return learned


def added_specials(tokenizer: Any) -> list[str]:
    """Name the tokens that were added to a tokenizer as special ones."""
    added = tokenizer.added_tokens_decoder.values()
    return [str(token) for token in added if token.special]


def tokens_per_image(processor: "LlavaProcessor") -> int:
    """Count the tokens that stand for one image, as the processor will."""
    size = processor.image_processor.crop_size
    if processor.patch_size is None or size is None:
        raise TrainingError(
            "the processor does not tell its patch size and crop size, so the tokens of an image "
            "cannot be counted: save it anew with a current `transformers`."
        )
    patches = (size["height"] // processor.patch_size) * (size["width"] // processor.patch_size)
    cut = processor.vision_feature_select_strategy == "default"
    return int(patches + processor.num_additional_image_tokens - cut)
