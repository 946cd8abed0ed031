"""Requests to a language model, its replies, and the ways in which a call fails."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from visionflan.errors import LlmError

MILLION = 1_000_000


class ImagePart(NamedTuple):
    """An image in a message, as a data URL: nothing has to be fetched for it."""

    url: str


class Message(NamedTuple):
    """One message of a chat: a text, or texts and images in their order."""

    role: Literal["system", "user"]
    content: str | tuple[str | ImagePart, ...]

    @property
    def text(self) -> str:
        """The texts without the images."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def num_images(self) -> int:
        """The number of images."""
        if isinstance(self.content, str):
            return 0
        return sum(isinstance(part, ImagePart) for part in self.content)


class LlmRequest(NamedTuple):
    """A chat that the model is to continue, and how it is sampled."""

    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int


class TokenPrices(NamedTuple):
    """US dollars per million tokens of the prompt and of the completion."""

    prompt: float
    completion: float

    def cost_of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of one call in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


class LlmReply(NamedTuple):
    """A completion of a model, with its tokens and cost.

    Attributes:
        text: the completion.
        model: the server's own name of the model, which may change behind the requested name.
        prompt_tokens: None where the server does not count; summed over all attempts.
        completion_tokens: likewise.
        cost: US dollars over all attempts; None without prices or counts.
        attempts: number of calls made for this reply.
        cached: True if the reply came from the cache.
        finish_reason: `stop`, or `length` if it was cut at the limit of tokens, by the server.
        fingerprint: what the server calls its configuration; empty if it names none.
        stored_at: when the cache stored it, an ISO 8601 time in UTC; empty if it did not.
    """

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    attempts: int = 1
    cached: bool = False
    finish_reason: str = ""
    fingerprint: str = ""
    stored_at: str = ""


# `outage`: not reachable, timed out, overloaded, or broke off.
# `unparsable`: it replied, but not with a completion that the caller can use.
# `rejected`: it will not answer this request. `fatal`: it will answer none of ours.
LlmErrorKind = Literal["outage", "unparsable", "rejected", "fatal"]


class ErrorAction(NamedTuple):
    """The reaction to a failed call: whether it is retried, and whether it opens the circuit."""

    retry: Literal["with_backoff", "at_once", "never"]
    opens_circuit: Literal["at_once", "if_consecutive", "never"]


ERROR_ACTIONS: Mapping[LlmErrorKind, ErrorAction] = {
    "outage": ErrorAction(retry="with_backoff", opens_circuit="if_consecutive"),
    "unparsable": ErrorAction(retry="at_once", opens_circuit="never"),
    "rejected": ErrorAction(retry="never", opens_circuit="never"),
    "fatal": ErrorAction(retry="never", opens_circuit="at_once"),
}


class LlmCallError(LlmError):
    """A call that returned no usable reply.

    `retry_after_s` is the delay that the server asks for, 0 if none; `maybe_billed` whether the
    call may have been paid for; `reply` the part of a reply that arrived, if any.
    """

    def __init__(
        self,
        kind: LlmErrorKind,
        message: str,
        *,
        retry_after_s: float = 0.0,
        maybe_billed: bool = False,
        reply: LlmReply | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.reply = kind, reply
        self.retry_after_s, self.maybe_billed = retry_after_s, maybe_billed


class LlmClient(Protocol):
    """A language model that completes chats; one object serves many threads."""

    @property
    def name(self) -> str:
        """The model that is requested."""
        ...

    @property
    def address(self) -> str:
        """The part of the cache key that distinguishes models of the same name."""
        ...

    @property
    def prices(self) -> TokenPrices | None:
        """Token prices; None where calls are free or the price is unknown."""
        ...

    def complete(self, request: LlmRequest, sample_index: int) -> LlmReply:
        """Call the model once; the same request can be sampled several times.

        Raises LlmCallError if it returns nothing usable.
        """
        ...
