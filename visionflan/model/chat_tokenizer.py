"""Tokenize conversations with a chat template, and compute the loss mask of their answers.

Training and generation share this code. The mask comes from the spans of the answers in the text.
"""

import re
from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.chat_completion import CompletingRenderer
from visionflan.model.chat_rendering import (
    ChatRenderer,
    RenderedConversation,
    Span,
    assistant_mask,
    naming_the_template,
    require_system_turns,
)
from visionflan.model.chat_templates import SET_ANOTHER, content_error
from visionflan.model.image_prompt import ImageSize, ImageWriter
from visionflan.plural import counted
from visionflan.storage.instance import Turn

if TYPE_CHECKING:
    from visionflan.model.processor import Processor

QUESTION = "What is it?"
PROBE = (Turn("user", f"{IMAGE_MARKER}\n{QUESTION}"), Turn("assistant", "A cat."))
TWO_TURNS = (*PROBE, Turn("user", "And now?"), Turn("assistant", "A dog."))
PROBE_SIZES = (ImageSize(64, 64),)


class TokenizedConversation(NamedTuple):
    """The token ids of a conversation, one for each run of image tokens, and its loss mask.

    Attributes:
        loss_mask: True for the tokens of answers, the end token of each included
        image_runs: the lengths of the runs of image tokens, in order
    """

    token_ids: list[int]
    loss_mask: list[bool]
    image_runs: list[int]

    @property
    def answer_tokens(self) -> list[int]:
        """The token ids that the loss mask selects."""
        return [token for token, is_target in zip(*self[:2], strict=True) if is_target]


class ChatTokenizer:
    """Tokenizes conversations with one processor's chat template and tokenizer.

    `chat_template` replaces that of the processor where a stage trains in another form, in which no
    prompt needs a question and no answer needs an end.
    """

    def __init__(
        self, processor: "Processor", images: ImageWriter, chat_template: str = ""
    ) -> None:
        self.processor, self.images = processor, images
        self.tokenizer = processor.tokenizer
        self.answers_questions = not chat_template
        self.chat_template = chat_template or str(processor.chat_template)
        self.image_token_id = images.token_id
        self.pad_token_id = int(self.tokenizer.pad_token_id)
        self.end_token_ids = end_token_ids(processor)
        of_images = (IMAGE_MARKER, images.marker, images.token)
        names = sorted(
            {
                *self.tokenizer.all_special_tokens,
                *added_special_tokens(self.tokenizer),
                *of_images,
            }
        )
        self.special_tokens = re.compile("|".join(map(re.escape, names)))
        end_tokens = self.tokenizer.convert_ids_to_tokens(sorted(self.end_token_ids))
        self.renderer: ChatRenderer = ChatRenderer(
            self.chat_template, self.tokenizer.special_tokens_map, end_tokens
        )
        self.check_template()

    def check_template(self) -> None:
        """Raise TrainingError if the template would train wrongly.

        It must render images and texts, end each answer, and not change a prompt.
        """
        self.check_content()
        try:
            self.check_answers()
        except TrainingError:
            if not (self.answers_questions and self.completes_prompts()):
                raise

    def completes_prompts(self) -> bool:
        """Render answers after the prompts of the template, and return whether that is sound."""
        self.renderer = CompletingRenderer.of(self.renderer, self.tokenizer.eos_token)
        try:
            self.check_answers(TWO_TURNS)
        except TrainingError:
            return False
        return True

    def check_answers(self, *others: Sequence[Turn]) -> None:
        """Raise TrainingError if answers have no end, or follow other tokens than their prompts.

        `others` are conversations that the template must be able to write as well.
        """
        probes = [PROBE, *others]
        probe = self.encode_conversations(probes, [PROBE_SIZES] * len(probes))[0]
        if not any(probe.loss_mask):
            raise TrainingError(
                f"the chat template writes no answer, so there is nothing to learn: {SET_ANOTHER}"
            )
        if self.answers_questions and self.end_token_ids.isdisjoint(probe.answer_tokens):
            raise self.answers_without_end()
        self.check_prompt_prefix(PROBE, PROBE_SIZES, probe)

    def answers_without_end(self) -> TrainingError:
        """Return the error for answers that end with no token at which generation ends."""
        ends = " or ".join(self.renderer.end_tokens)
        if not getattr(self.processor, "has_generation_config", True):
            return TrainingError(
                "generation_config.json is missing, which names the tokens at which an answer "
                f"ends, and the chat template does not end answers with {ends}: copy the one that "
                "was published with the model"
            )
        return TrainingError(
            f"the chat template does not end answers with {ends}, at which generation ends, so a "
            f"model would not learn to stop: {SET_ANOTHER}"
        )

    def check_content(self) -> None:
        """Raise TrainingError if the template does not render the parts of a turn."""
        from jinja2 import TemplateError

        try:
            (text,) = self.renderer.prompts([PROBE[:1]])
        except (TypeError, TemplateError) as error:
            raise content_error(error) from error
        marker = self.images.marker
        has_question = QUESTION in text or not self.answers_questions
        if text.count(marker) != 1 or not has_question:
            raise TrainingError(
                "the chat template does not write the content of a turn, a list of images and "
                f"texts, with {marker} for an image, so it is for text only or for another "
                f"kind of model: {SET_ANOTHER}"
            )

    def check_prompt_prefix(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[ImageSize],
        conversation: TokenizedConversation,
    ) -> None:
        """Raise TrainingError if the first prompt has other tokens in training than at inference.

        `conversation` is what `encode_conversations` returned for `turns`.
        """
        first = conversation.loss_mask.index(True)
        end = 1 + [turn.role for turn in turns].index("user")
        num_images = turns[end - 1].text.count(IMAGE_MARKER)
        (prompt,) = self.encode_prompts([turns[:end]], [sizes[:num_images]])
        if prompt.token_ids != conversation.token_ids[:first]:
            raise TrainingError(
                f"the prompt {turns[end - 1].text!r} has other tokens in training than at "
                "inference: end it the same way (as with `ASSISTANT:`) in the chat template"
            )

    def validate(self, turns: Sequence[Turn], num_images: int) -> None:
        """Raise UnusableError if a text contains a special token or image markers do not match."""
        markers = sum(turn.text.count(IMAGE_MARKER) for turn in turns if turn.role == "user")
        if markers != num_images:
            detail = f"{counted(markers, 'image marker')} and {counted(num_images, 'image')}"
            raise UnusableError("image_token_mismatch", detail)
        for turn in turns:
            text = turn.text.replace(IMAGE_MARKER, "") if turn.role == "user" else turn.text
            if match := self.special_tokens.search(text):
                raise UnusableError(
                    "special_token", f"the text contains {match[0]}, a special token"
                )

    def encode_conversations(
        self,
        conversations: Sequence[Sequence[Turn]],
        image_sizes: Sequence[Sequence[ImageSize]] | None = None,
    ) -> list[TokenizedConversation]:
        """Return the tokens of complete conversations.

        `image_sizes` has the sizes of the images of each; families whose images always have the
        same tokens need none.
        """
        with naming_the_template():
            rendered = self.renderer.conversations(conversations)
        require_system_turns(conversations if self.answers_questions else [], rendered)
        return self.encode(rendered, image_sizes)

    def encode_prompts(
        self,
        conversations: Sequence[Sequence[Turn]],
        image_sizes: Sequence[Sequence[ImageSize]] | None = None,
    ) -> list[TokenizedConversation]:
        """Return the tokens of conversations that end with a user's turn.

        They end where the answer begins.
        """
        with naming_the_template():
            prompts = self.renderer.prompts(conversations)
        return self.encode([RenderedConversation(text, []) for text in prompts], image_sizes)

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Return the token ids of prompts with a marker for each image."""
        if not conversations:
            return []
        with naming_the_template():
            encodings = self.tokenize(self.renderer.prompts(conversations))
        token_ids: list[list[int]] = encodings["input_ids"]
        return token_ids

    def encode(
        self,
        rendered: Sequence[RenderedConversation],
        image_sizes: Sequence[Sequence[ImageSize]] | None,
    ) -> list[TokenizedConversation]:
        """Return the tokens of rendered conversations, with the text of their images."""
        if not rendered:
            return []
        sizes = repeat(None) if image_sizes is None else image_sizes
        written = [self.write_images(*pair) for pair in zip(rendered, sizes, strict=False)]
        encodings = self.tokenize([conversation.text for conversation, _ in written])
        rows = zip(encodings["input_ids"], encodings["offset_mapping"], written, strict=True)
        tokenized = [
            TokenizedConversation(token_ids, assistant_mask(offsets, conversation.answers), runs)
            for token_ids, offsets, (conversation, runs) in rows
        ]
        if any(c.token_ids.count(self.image_token_id) != len(c.image_runs) for c in tokenized):
            raise TrainingError(
                f"the tokenizer does not write {self.images.token} as one token: use the tokenizer "
                "that was published with the model"
            )
        return tokenized

    def write_images(
        self, rendered: RenderedConversation, sizes: Sequence[ImageSize] | None
    ) -> tuple[RenderedConversation, list[int]]:
        """Return a conversation with the texts of its images for the markers, and their runs."""
        marker, pieces = self.images.marker, rendered.text.split(self.images.marker)
        if sizes is None:
            assert not self.images.uses_sizes
            sizes = PROBE_SIZES * (len(pieces) - 1)
        images = self.images.written(sizes)
        runs = list(chain.from_iterable(image.runs for image in images))
        if all(image.text == marker for image in images):
            return rendered, runs
        text, answers, begins = pieces[0], list(rendered.answers), len(pieces[0])
        for image, piece in zip(images, pieces[1:], strict=True):
            text += image.text + piece
            shift = len(image.text) - len(marker)
            answers = [
                Span(begin + shift, end + shift) if begin > begins else Span(begin, end)
                for begin, end in answers
            ]
            begins += len(image.text) + len(piece)
        return RenderedConversation(text, answers), runs

    def tokenize(self, texts: list[str]) -> Any:
        """Return token ids and offsets; the beginning token is added only if the template has none.

        All texts must come from the same template.
        """
        bos_token = self.tokenizer.bos_token
        has_bos = bos_token is not None and texts[0].startswith(bos_token)
        return self.tokenizer(texts, add_special_tokens=not has_bos, return_offsets_mapping=True)

    def expand_images(self, conversation: TokenizedConversation) -> TokenizedConversation:
        """Return a conversation with all image tokens of each run."""
        runs = iter(conversation.image_runs)
        token_ids, loss_mask = list[int](), list[bool]()
        for token, is_target in zip(*conversation[:2], strict=True):
            count = next(runs) if token == self.image_token_id else 1
            token_ids += [token] * count
            loss_mask += [is_target] * count
        return TokenizedConversation(token_ids, loss_mask, [])


def end_token_ids(processor: "Processor") -> set[int]:
    """Return the tokens that may end an answer, by the tokenizer and the settings of generation."""
    return {processor.tokenizer.eos_token_id, *getattr(processor, "end_token_ids", ())}


def added_special_tokens(tokenizer: Any) -> list[str]:
    """Return the special tokens that were added to a tokenizer after its training."""
    added = tokenizer.added_tokens_decoder.values()
    return [str(token) for token in added if token.special]
