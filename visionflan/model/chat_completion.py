"""Render conversations as prompts that are completed by their answers.

The templates that were published with LLaVA-1.5, LLaVA-NeXT and LLaVA-OneVision write a prompt as
the models were trained, and an answer that is already there otherwise: after other white space, or
without the token that ends it. What is trained on is then the prompt, the answer and that token,
and earlier answers of a conversation are written like this too, as LLaVA's own code does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from visionflan.errors import TrainingError
from visionflan.model.chat_rendering import ChatRenderer, RenderedConversation, Span
from visionflan.model.chat_templates import SET_ANOTHER
from visionflan.storage.instance import Turn


class CompletedTurns(NamedTuple):
    """A conversation up to an answer.

    Attributes:
        rendered: with each answer after its prompt
        template_text: as the template alone writes it
    """

    rendered: RenderedConversation
    template_text: str


@dataclass(frozen=True)
class CompletingRenderer(ChatRenderer):
    """Renders conversations with a template of which only the prompts are used.

    Attributes:
        end_token: the text of the token that ends an answer where the template writes none
    """

    end_token: str

    @classmethod
    def of(cls, renderer: ChatRenderer, end_token: str) -> Self:
        """Return the renderer of the same template."""
        return cls(renderer.template, renderer.special_tokens, renderer.end_tokens, end_token)

    def prompts(self, conversations: Sequence[Sequence[Turn]]) -> list[str]:
        """Return conversations as texts that end where the answer begins."""
        prompts = super().prompts(conversations)
        return [
            turns.rendered.text + text_after(turns.template_text, prompt)
            for turns, prompt in zip(self.complete(conversations), prompts, strict=True)
        ]

    def conversations(self, conversations: Sequence[Sequence[Turn]]) -> list[RenderedConversation]:
        """Return complete conversations."""
        return [turns.rendered for turns in self.complete(conversations)]

    def complete(self, conversations: Sequence[Sequence[Turn]]) -> list[CompletedTurns]:
        """Return conversations up to their last answer; empty if they have none."""
        prompted = [turns[:end] for turns in conversations for end in answer_positions(turns)]
        answered = [turns[: end + 1] for turns in conversations for end in answer_positions(turns)]
        prompts = iter(super().prompts(prompted))
        texts = iter(self.render(answered, add_generation_prompt=False)[0])
        return [self.complete_one(turns, prompts, texts) for turns in conversations]

    def complete_one(
        self, turns: Sequence[Turn], prompts: Iterator[str], texts: Iterator[str]
    ) -> CompletedTurns:
        """Return one conversation; `prompts` and `texts` are those of each of its answers."""
        text, template_text, answers = "", "", list[Span]()
        for position in answer_positions(turns):
            prompt, answered = next(prompts), next(texts)
            text += text_after(template_text, prompt)
            target, after = self.completion(prompt, answered, turns[position].text.strip())
            answers.append(Span(len(text), len(text) + len(target)))
            text, template_text = text + target + after, answered
        return CompletedTurns(RenderedConversation(text, answers), template_text)

    def completion(self, prompt: str, answered: str, answer: str) -> tuple[str, str]:
        """Return an answer with its end token as it follows a prompt, and what comes after it.

        Raises TrainingError unless the template writes the prompt and the answer, white space
        aside, and then nothing or an end token.
        """
        rest = without_prefix(answered, prompt)
        if rest is None or not rest.lstrip().startswith(answer):
            raise unlike_its_prompt()
        blank = "" if prompt[-1:].isspace() else rest[: len(rest) - len(rest.lstrip())]
        tail = rest.lstrip()[len(answer) :].lstrip()
        for token in self.end_tokens:
            if tail.startswith(token):
                return f"{blank}{answer}{token}", tail[len(token) :]
        if tail:
            raise unlike_its_prompt()
        return f"{blank}{answer}{self.end_token}", ""


def answer_positions(turns: Sequence[Turn]) -> list[int]:
    """Return the positions of the answers in a conversation."""
    return [index for index, turn in enumerate(turns) if turn.role == "assistant"]


def text_after(before: str, text: str) -> str:
    """Return what a text has beyond its beginning; raise TrainingError if it begins otherwise."""
    if not text.startswith(before):
        raise unlike_its_prompt()
    return text[len(before) :]


def without_prefix(text: str, prefix: str) -> str | None:
    """Return what follows a prefix in a text, white space aside; None if it begins otherwise."""
    expected = "".join(prefix.split())
    matched = 0
    for index, character in enumerate(text):
        if matched == len(expected):
            return text[index:]
        if character.isspace():
            continue
        if character != expected[matched]:
            return None
        matched += 1
    return "" if matched == len(expected) else None


def unlike_its_prompt() -> TrainingError:
    """Return the error for a template that writes a conversation otherwise than its prompts."""
    return TrainingError(
        "the chat template writes a conversation otherwise than its prompts, so answers cannot be "
        f"separated from prompts: {SET_ANOTHER}"
    )
