"""A language model behind an OpenAI-compatible server: `POST {base}/chat/completions`.

Hosted services, vLLM, SGLang, llama.cpp, Ollama and `transformers serve` all implement it.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from visionflan.errors import LlmError
from visionflan.llm.base import (
    ImagePart,
    LlmCallError,
    LlmReply,
    LlmRequest,
    Message,
    TokenPrices,
)
from visionflan.llm.http_exchange import HttpExchange, HttpReply
from visionflan.llm.server_url import is_loopback, validate_base_url

MAX_MESSAGE_LENGTH = 300
MAX_TOKENS = 10**9  # a larger count is no count
MIN_SECRET_LENGTH = 6
# Every other request would fail too: another URL, a wrong key, no money, no permission, no model.
FATAL_STATUS_CODES = frozenset({*range(300, 400), 401, 402, 403, 404, 405})
EXPLAINED_BY = ("error", "message", "detail")
MaxTokensField = Literal["max_tokens", "max_completion_tokens"]


def read_api_key(variable: str) -> str:
    """Return the API key in an environment variable."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise LlmError(f"the environment variable {variable} contains no API key")
    if not (key.isascii() and key.isprintable()):
        raise LlmError(
            f"the API key in {variable} contains characters that are not allowed in a header"
        )
    return key


class OpenAICompatibleClient:
    """A model on a server; one object serves many threads.

    `timeout_s` is the maximum duration of one reply in all. Servers differ in the name of the
    field that limits the tokens of a reply: `max_tokens_field`. A reply without text is an error
    unless `allow_empty`. The way to this machine goes through no proxy.
    """

    allow_empty = False

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "",
        timeout_s: float = 120.0,
        prices: TokenPrices | None = None,
        max_tokens_field: MaxTokensField = "max_tokens",
    ) -> None:
        self.address, self.name, self.prices = validate_base_url(base_url), model, prices
        self.api_key, self.max_tokens_field = api_key, max_tokens_field
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        use_proxy = not is_loopback(self.address)
        completions, models = (f"{self.address}/{path}" for path in ("chat/completions", "models"))
        self.http = HttpExchange(completions, headers, timeout_s, use_proxy=use_proxy)
        self.listing = HttpExchange(models, headers, timeout_s, use_proxy=use_proxy)

    def close(self) -> None:
        """Do nothing: no connection outlives its call, which clients of other kinds may want."""

    def complete(self, request: LlmRequest, sample_index: int) -> LlmReply:
        """Call the server once; samples of one request are the same request sent again."""
        body = {
            "model": self.name,
            "messages": [message_json(message) for message in request.messages],
            "temperature": request.temperature,
            self.max_tokens_field: request.max_tokens,
        }
        reply = self.exchange(lambda: self.http.post(body))
        if reply.status != 200:
            raise self.status_error(reply.status, reply.headers, reply.content)
        return self.parse_reply(reply.content)

    def list_models(self) -> list[dict[str, Any]]:
        """Return the entries of `GET {base}/models`; none where the server has no such list."""
        reply = self.exchange(self.listing.get)
        if reply.status in (401, 403):
            raise self.status_error(reply.status, reply.headers, reply.content)
        listing = parse_json(reply.content) if reply.status == 200 else None
        entries = listing.get("data") if isinstance(listing, dict) else None
        return [entry for entry in entries or () if isinstance(entry, dict)]

    def exchange(self, call: Callable[[], HttpReply]) -> HttpReply:
        """Return the response of a call; its error does not contain the API key."""
        try:
            return call()
        except LlmCallError as error:
            raise LlmCallError(
                error.kind, self.redact_key(error), maybe_billed=error.maybe_billed
            ) from None  # what caused it may contain the key

    def status_error(self, status: int, headers: Mapping[str, str], content: bytes) -> LlmCallError:
        """Return the error for a status other than 200, with the server's message."""
        message = f"the server answered {status}: {self.excerpt(content)}"
        if status == 429 or status >= 500:
            delay = parse_retry_after(headers.get("Retry-After", ""))
            return LlmCallError("outage", message, retry_after_s=delay)
        return LlmCallError("fatal" if status in FATAL_STATUS_CODES else "rejected", message)

    def parse_reply(self, content: bytes) -> LlmReply:
        """Parse a chat completion; raise LlmCallError if it has no text."""
        completion = parse_json(content)
        try:
            choice = completion["choices"][0]
            text, finish_reason = choice["message"]["content"], choice.get("finish_reason")
            model, fingerprint = completion.get("model"), completion.get("system_fingerprint")
        except (LookupError, TypeError, AttributeError) as error:
            message = f"the server's reply is not a chat completion: {self.excerpt(content)}"
            raise LlmCallError("unparsable", message, maybe_billed=True) from error
        reply = LlmReply(
            self.mask_reply(text) if isinstance(text, str) else "",
            self.mask_reply(model) if isinstance(model, str) else "",
            *self.parse_usage(completion),
            finish_reason="length" if finish_reason == "length" else "stop",
            fingerprint=self.mask_reply(fingerprint) if isinstance(fingerprint, str) else "",
        )
        if not (self.allow_empty or reply.text.strip()):
            message = "the server's reply contains no text"
            raise LlmCallError("unparsable", message, maybe_billed=True, reply=reply)
        return reply

    def parse_usage(
        self, completion: Mapping[str, Any]
    ) -> tuple[int | None, int | None, float | None]:
        """Return the tokens of the prompt and the completion, and their cost."""
        usage = completion.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        prompt_tokens, completion_tokens = (
            counts.get("prompt_tokens"),
            counts.get("completion_tokens"),
        )
        if type(prompt_tokens) is not int or type(completion_tokens) is not int:  # true is an int
            return None, None, None
        prompt_tokens, completion_tokens = max(0, prompt_tokens), max(0, completion_tokens)
        if max(prompt_tokens, completion_tokens) > MAX_TOKENS:
            message = f"the server's reply counts more than {MAX_TOKENS:,} tokens"
            raise LlmCallError("unparsable", message, maybe_billed=True)
        return (
            prompt_tokens,
            completion_tokens,
            self.prices.cost_of(prompt_tokens, completion_tokens) if self.prices else None,
        )

    def mask_reply(self, text: str) -> str:
        """Return a text to store, without our API key; raise LlmCallError for half characters.

        A key that is hardly a secret, such as `EMPTY`, may be a word of the reply.
        """
        try:
            text.encode()
        except UnicodeEncodeError:
            message = "the server's reply contains half a character (a lone surrogate)"
            raise LlmCallError("unparsable", message, maybe_billed=True) from None
        return self.redact_key(text) if len(self.api_key) >= MIN_SECRET_LENGTH else text

    def excerpt(self, content: bytes) -> str:
        """Return the server's explanation in one line, cut only after the key is masked."""
        line = self.redact_key(error_message(content))
        return line[:MAX_MESSAGE_LENGTH] or "(no message)"

    def redact_key(self, text: object) -> str:
        """Return a text of the server without our API key in it."""
        return str(text).replace(self.api_key, "***") if self.api_key else str(text)


def message_json(message: Message) -> dict[str, Any]:
    """Return a message as servers take it."""
    if isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    parts = [
        {"type": "image_url", "image_url": {"url": part.url}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part}
        for part in message.content
    ]
    return {"role": message.role, "content": parts}


def parse_json(content: bytes) -> Any:
    """Parse JSON; return None if it is invalid."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def error_message(content: bytes) -> str:
    """Return the server's explanation of an error, in one line without half characters."""
    text = content.decode(errors="replace")
    with suppress(RecursionError):
        text = explanation(parse_json(content) or text)
    return " ".join(text.encode(errors="replace").decode().split())


def explanation(value: Any) -> str:
    """Return the innermost explanation in the JSON of an error."""
    while isinstance(value, dict):
        inner = next((value[name] for name in EXPLAINED_BY if value.get(name)), None)
        if inner is None:
            break
        value = inner
    return str(value)


def parse_retry_after(retry_after: str) -> float:
    """Return the delay of a Retry-After header, seconds or a date, in seconds; 0 if invalid."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError, IndexError):
        return 0.0
    return max(0.0, (date - datetime.now(UTC)).total_seconds()) if date.tzinfo else 0.0
