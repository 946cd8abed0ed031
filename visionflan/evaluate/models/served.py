"""A model behind an OpenAI-compatible server, known by what the server says that it serves.

No one but the server knows which weights answer. What it lists of the model (`/models`), and the
name and the fingerprint in its responses, are its identity: where they change, it is another model.
What servers make up anew for each listing (vLLM, SGLang and llama.cpp: `created`; vLLM: the ids of
permissions; llama.cpp: whether a model is loaded) is no part of it.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from visionflan.errors import EvaluationError, LlmError
from visionflan.evaluate.models.base import (
    ConversationImages,
    Conversations,
    EvaluationStoppedError,
)
from visionflan.evaluate.records.header import ModelHeader
from visionflan.image_pixels import to_rgb
from visionflan.llm.base import ImagePart, LlmReply, LlmRequest, Message
from visionflan.llm.batch import CallGuard, LlmBatch, LlmCall
from visionflan.llm.cache import CacheKey
from visionflan.llm.openai_compatible import OpenAICompatibleClient
from visionflan.prompt import split_at_images
from visionflan.storage.instance import Turn

PRECISION = "server"  # the dtype that a server computes in is not known
STABLE = ("id", "owned_by", "root", "parent", "max_model_len", "meta", "path")
OLLAMA = "fp_ollama"  # its `created` is when the model was last pulled or made
PROBE = "Answer with one word: is the sky blue?"
PROBE_TOKENS = 16
PURPOSE = "answer"
NO_LIKELIHOODS = (
    "a served model returns no log-likelihoods of given answers, so scores that need them are "
    "missing"
)


class ServedReply(NamedTuple):
    """An answer of a server; it has 0 tokens where the server does not count."""

    text: str
    num_tokens: int
    finish_reason: str


class ServerIdentity(NamedTuple):
    """What a server says about the model that it serves.

    Attributes:
        address: the base URL.
        name: the model that is requested.
        entry: what `/models` says about it, without what changes between listings.
        model: the model's name in responses.
        fingerprint: the `system_fingerprint` in responses; empty if there is none.
    """

    address: str
    name: str
    entry: Mapping[str, Any]
    model: str
    fingerprint: str

    @property
    def digest(self) -> str:
        """The sha256 of all of it."""
        content = json.dumps(self._asdict(), sort_keys=True, ensure_ascii=False)
        return sha256(content.encode()).hexdigest()

    def describe(self) -> str:
        """Return in a few words which model it is."""
        details = [f"{name} {value}" for name, value in self.entry.items() if name != "id"]
        if self.fingerprint:
            details.append(f"fingerprint {self.fingerprint}")
        return f"{self.model or self.name} ({', '.join(details) or 'no details'})"


class AnswerClient(OpenAICompatibleClient):
    """A client for which a reply without text is an answer: an empty one."""

    allow_empty = True


class ServedModel:
    """A model on a server, which several threads send requests to.

    `any_fingerprint` leaves the fingerprint out of the identity, for services whose machines differ
    in it.
    """

    precision = PRECISION

    def __init__(
        self, client: OpenAICompatibleClient, guard: CallGuard, *, any_fingerprint: bool = False
    ) -> None:
        self.client, self.guard, self.any_fingerprint = client, guard, any_fingerprint
        self.batch = LlmBatch(None, guard)
        self.change = ""  # what is wrong, once another model has replied

    @property
    def workers(self) -> int:
        """The number of concurrent requests."""
        return self.guard.budget.limits.workers

    @cached_property
    def identity(self) -> ServerIdentity:
        """What the server says, by its list of models and one short request."""
        try:
            listed = self.client.list_models()
        except LlmError as error:
            raise EvaluationError(f"{self.client.address}: {error}") from error
        reply = self.probe()
        entry = next((entry for entry in listed if entry.get("id") == self.client.name), {})
        names = [*STABLE, "created"] if reply.fingerprint == OLLAMA else STABLE
        return ServerIdentity(
            self.client.address,
            self.client.name,
            {name: entry[name] for name in names if entry.get(name) is not None},
            reply.model,
            self.fingerprint_of(reply),
        )

    def probe(self) -> LlmReply:
        """Return the reply to one short question, which shows the model that replies."""
        request = LlmRequest((Message("user", PROBE),), 0.0, PROBE_TOKENS)
        batch = LlmBatch(None, self.guard)
        outcome = batch.call_with_retries(self.make_call(request))
        if outcome is None or outcome.error:
            reason = outcome.error if outcome else batch.stop_reason
            raise EvaluationError(
                f"{self.client.address} does not serve {self.client.name}: {reason}"
            )
        return outcome.reply

    @property
    def digest(self) -> str:
        """The hash of what the server says about the model."""
        return self.identity.digest

    @property
    def header(self) -> ModelHeader:
        """What an evaluation records about the model."""
        return ModelHeader(
            engine="server",
            chat_template="the server's own",
            no_likelihoods=NO_LIKELIHOODS,
            server=self.identity._asdict(),
        )

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Return the bytes of the messages, since a server does not say its token ids."""
        return [
            list(json.dumps([[turn.role, split_at_images(turn.text)] for turn in turns]).encode())
            for turns in conversations
        ]

    def generate(
        self, conversations: Conversations, images: ConversationImages, max_new_tokens: int
    ) -> Sequence[ServedReply]:
        """Return greedy answers, one call after the other.

        Raises EvaluationStoppedError if the server fails for good, or another model answers.
        """
        replies = []
        for turns, turn_images in zip(conversations, images, strict=True):
            request = LlmRequest(make_messages(turns, turn_images), 0.0, max_new_tokens)
            reply = self.call(request)
            self.check_identity(reply)
            replies.append(
                ServedReply(reply.text.strip(), reply.completion_tokens or 0, reply.finish_reason)
            )
        return replies

    def call(self, request: LlmRequest) -> LlmReply:
        """Return the server's reply; raise EvaluationError without one."""
        outcome = self.batch.call_with_retries(self.make_call(request))
        if outcome is not None and not outcome.error:
            return outcome.reply
        if self.batch.stop_reason or outcome is None:
            raise self.stopped_error()
        raise EvaluationError(outcome.error)

    def make_call(self, request: LlmRequest) -> LlmCall:
        """Return a call of which any reply is an answer, also an empty one."""
        return LlmCall(CacheKey(self.client, request, PURPOSE), lambda text: True)

    def check_identity(self, reply: LlmReply) -> None:
        """Raise EvaluationStoppedError if another model than the first has replied."""
        now = self.identity._replace(model=reply.model, fingerprint=self.fingerprint_of(reply))
        if now == self.identity:
            return
        same_model = now.model == self.identity.model
        hint = "; to ignore the fingerprint, add `--any-fingerprint`" if same_model else ""
        self.change = (
            f"{self.client.address} changed its model during the evaluation, from "
            f"{self.identity.describe()} to {now.describe()}: no answer of the second was "
            f"recorded{hint}"
        )
        self.batch.stop(self.change)
        raise self.stopped_error()

    def stopped_error(self) -> EvaluationStoppedError:
        """Return the error of a request that is not repeated any more."""
        return EvaluationStoppedError(
            self.change
            or f"the evaluation of {self.client.name} stopped: {self.batch.stop_reason}; its "
            "answers so far are stored: run the same command again to resume"
        )

    def fingerprint_of(self, reply: LlmReply) -> str:
        """Return the fingerprint that counts."""
        return "" if self.any_fingerprint else reply.fingerprint

    def stop(self) -> None:
        """Send no more requests, and end the delays between retries."""
        self.batch.stop("it was interrupted")


def make_messages(turns: Sequence[Turn], images: Sequence[Image.Image]) -> tuple[Message, ...]:
    """Return a conversation as messages of the server, each image at its marker."""
    remaining = iter(images)
    messages = []
    for turn in turns:
        content = tuple(
            ImagePart(data_url(next(remaining))) if part["type"] == "image" else part["text"]
            for part in split_at_images(turn.text)
        )
        only = content[0] if len(content) == 1 else None
        messages.append(Message("user", only if isinstance(only, str) else content))
    return tuple(messages)


def data_url(image: Image.Image) -> str:
    """Return an image as a PNG in a data URL, which changes no pixel."""
    buffer = BytesIO()
    to_rgb(image).save(buffer, "PNG")
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"
