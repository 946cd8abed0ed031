"""Render conversations with a chat template, and find the answers in the text.

Most published templates do not mark answers with `{% generation %}`. In their text, an answer is
what the conversation up to it has beyond its prompt.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from visionflan.errors import TrainingError
from visionflan.model.chat_templates import SET_ANOTHER
from visionflan.prompt import split_at_images
from visionflan.storage.instance import Turn

GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


class Span(NamedTuple):
    """A range of characters."""

    begin: int
    end: int


class RenderedConversation(NamedTuple):
    """A conversation as text, and where its answers are."""

    text: str
    answers: list[Span]


@dataclass(frozen=True)
class ChatRenderer:
    """Renders conversations with one chat template.

    Attributes:
        template: the Jinja template; it runs in the sandbox of `transformers`
        special_tokens: the texts of the special tokens that it may name, such as `eos_token`
        end_tokens: the texts of the tokens that may end an answer
    """

    template: str
    special_tokens: Mapping[str, str]
    end_tokens: Sequence[str]

    def prompts(self, conversations: Sequence[Sequence[Turn]]) -> list[str]:
        """Return conversations as texts that end where the answer begins."""
        return self.render(conversations, add_generation_prompt=True)[0]

    def conversations(self, conversations: Sequence[Sequence[Turn]]) -> list[RenderedConversation]:
        """Return complete conversations."""
        texts, spans = self.render(conversations, add_generation_prompt=False)
        if GENERATION.search(self.template):
            rows = zip(texts, spans, strict=True)
            spans = [[self.with_end(text, span) for span in answers] for text, answers in rows]
        else:
            spans = self.spans_beyond_prompts(conversations, texts)
        return [
            RenderedConversation(text, [Span(*span) for span in answers])
            for text, answers in zip(texts, spans, strict=True)
        ]

    def render(
        self, conversations: Sequence[Sequence[Turn]], *, add_generation_prompt: bool
    ) -> tuple[list[str], list[list[tuple[int, int]]]]:
        """Return conversations as texts, and the spans that the template marks as answers."""
        from transformers.utils.chat_template_utils import render_jinja_template

        if not conversations:
            return [], []
        untyped: Any = render_jinja_template
        texts, spans = untyped(
            conversations=[messages(turns) for turns in conversations],
            chat_template=self.template,
            return_assistant_tokens_mask=not add_generation_prompt,
            add_generation_prompt=add_generation_prompt,
            **self.special_tokens,
        )
        return texts, spans

    def spans_beyond_prompts(
        self, conversations: Sequence[Sequence[Turn]], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        """Return the spans of answers, from the prompt of each and the conversation up to it.

        Raises TrainingError if the text before an answer is not the prompt of that answer.
        """
        ends = [
            (row, index)
            for row, turns in enumerate(conversations)
            for index, turn in enumerate(turns)
            if turn.role == "assistant"
        ]
        prompts = self.prompts([conversations[row][:index] for row, index in ends])
        partial, _ = self.render(
            [conversations[row][: index + 1] for row, index in ends], add_generation_prompt=False
        )
        spans: list[list[tuple[int, int]]] = [[] for _ in conversations]
        for (row, index), prompt, answered in zip(ends, prompts, partial, strict=True):
            if not (answered.startswith(prompt) and texts[row].startswith(answered)):
                raise TrainingError(
                    "the chat template marks no answers with {% generation %}, and renders the "
                    "beginning of a conversation otherwise than the whole, so answers cannot be "
                    f"separated from prompts: {SET_ANOTHER}"
                )
            answer, text = answered[len(prompt) :], conversations[row][index].text.strip()
            if not answer.lstrip().startswith(text):
                raise TrainingError(
                    f"the chat template writes {answer.strip()!r} where the answer {text!r} "
                    "begins: it must end a prompt with all that comes before the answer, or mark "
                    "answers with {% generation %}"
                )
            spans[row].append((len(prompt), len(prompt) + self.end_of_answer(answer)))
        return spans

    def with_end(self, text: str, span: tuple[int, int]) -> tuple[int, int]:
        """Return a marked span with the end token after it; some templates mark the text only."""
        begin, end = span
        if not text[begin:end].rstrip().endswith(tuple(self.end_tokens)):
            end += max(
                len(token) for token in ("", *self.end_tokens) if text.startswith(token, end)
            )
        return begin, end

    def end_of_answer(self, answer: str) -> int:
        """Return the length of an answer with the token that ends it."""
        ends = [answer.rfind(token) + len(token) for token in self.end_tokens if token in answer]
        return max(ends, default=len(answer))


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


@contextmanager
def naming_the_template() -> Iterator[None]:
    """Raise TrainingError for an error of the template in the block."""
    from jinja2 import TemplateError

    try:
        yield
    except (TypeError, TemplateError) as error:
        raise TrainingError(
            f"the chat template cannot write a conversation ({error}): change the conversation, or "
            f"the template: {SET_ANOTHER}"
        ) from error


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return turns as chat templates take them, with each image as a separate content part."""
    return [{"role": turn.role, "content": split_at_images(turn.text)} for turn in turns]


def require_system_turns(
    conversations: Sequence[Sequence[Turn]], rendered: Sequence[RenderedConversation]
) -> None:
    """Raise TrainingError if the chat template leaves out the words of a system turn."""
    for turns, conversation in zip(conversations, rendered, strict=False):
        if turns[0].role == "system" and turns[0].text.strip() not in conversation.text:
            raise TrainingError(
                "the chat template has no place for a system turn and leaves out its words: "
                f"{SET_ANOTHER}"
            )
