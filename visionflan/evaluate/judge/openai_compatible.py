"""A judge behind an OpenAI-compatible server: `POST {base}/chat/completions`.

Hosted services, vLLM, SGLang and llama.cpp all answer to it.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Literal

import httpx

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError, JudgeReply, TokenPrices
from visionflan.evaluate.judge.rubric import JudgeRequest

LARGEST_REPLY = 10_000_000  # bytes; no verdict is as long
LONGEST_SENTENCE = 300
# What no other question would change: a wrong key, no money, no right, no such model or address.
FATAL_STATUS_CODES = frozenset({301, 302, 307, 308, 401, 402, 403, 404, 405})
# The connection did not come about, so that nothing can have been answered or billed.
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

LimitField = Literal["max_tokens", "max_completion_tokens"]


def read_api_key(variable: str) -> str:
    """Read the key from the environment variable that the user names."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EvaluationError(f"the environment variable {variable} holds no key for the judge")
    if not (key.isascii() and key.isprintable()):
        raise EvaluationError(f"the key in {variable} has letters that no request can carry")
    return key


class OpenAICompatibleJudge:
    """A server that is asked over HTTP; one object serves many threads.

    `timeout` is how many seconds a whole reply may take. Servers differ in how they want the limit
    of tokens to be named: `limit_field`.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key: str = "",
        timeout: float = 120.0,
        prices: TokenPrices | None = None,
        limit_field: LimitField = "max_tokens",
    ) -> None:
        self.address, self.name, self.prices = validate_base_url(base_url), model, prices
        self.key, self.timeout, self.limit_field = key, timeout, limit_field
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def ask(self, request: JudgeRequest, repeat: int) -> JudgeReply:
        """Ask once; a repeat is the same question again."""
        body = {
            "model": self.name,
            "messages": [message._asdict() for message in request.messages],
            "temperature": request.temperature,
            self.limit_field: request.max_tokens,
        }
        try:
            with self.http.stream(
                "POST", f"{self.address}/chat/completions", json=body
            ) as response:
                content = self.whole(response)
        except httpx.TimeoutException as fault:
            raise self.away(f"did not answer in {self.timeout:g} seconds", fault) from fault
        except httpx.RequestError as fault:
            raise self.away(
                f"cannot be reached or broke off ({self.masked(fault)})", fault
            ) from fault
        if response.status_code != 200:
            raise self.refusal(response.status_code, response.headers, content)
        return self.reply(content)

    def whole(self, response: httpx.Response) -> bytes:
        """Read a reply; one that trickles in is late as a whole."""
        deadline, content = monotonic() + self.timeout, b""
        for part in response.iter_bytes():
            content += part
            if monotonic() > deadline or len(content) > LARGEST_REPLY:
                raise httpx.ReadTimeout("the reply does not end")
        return content

    def away(self, what: str, fault: httpx.RequestError) -> JudgeError:
        """Tell that the server is away; what was sent to it may be billed all the same."""
        return JudgeError("away", f"the judge {what}", billed=not isinstance(fault, NOT_REACHED))

    def refusal(self, status: int, headers: Mapping[str, str], content: bytes) -> JudgeError:
        """Tell what the server says where it does not answer."""
        message = f"the judge answered {status}: {self.masked(sentence(content))}"
        if status == 429 or status >= 500:
            return JudgeError(
                "away", message, wait=parse_retry_after(headers.get("Retry-After", ""))
            )
        return JudgeError("barred" if status in FATAL_STATUS_CODES else "refused", message)

    def reply(self, content: bytes) -> JudgeReply:
        """Read a reply; without words it is none."""
        told = decoded(content)
        try:
            text = told["choices"][0]["message"]["content"]
        except (LookupError, TypeError) as fault:
            said = self.masked(sentence(content))
            message = f"the judge's reply is not that of a chat: {said}"
            raise JudgeError("unusable", message, billed=True) from fault
        reply = JudgeReply(
            text if isinstance(text, str) else "", str(told.get("model") or ""), *self.usage(told)
        )
        if not reply.text.strip():
            message = "the judge's reply holds no words"
            raise JudgeError("unusable", message, billed=True, reply=reply)
        return reply

    def usage(self, told: Mapping[str, Any]) -> tuple[int | None, int | None, float | None]:
        """Read how many tokens a call took, and price them."""
        usage = told.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
        if not (isinstance(prompt, int) and isinstance(completion, int)):
            return None, None, None
        prompt, completion = max(0, prompt), max(0, completion)
        return prompt, completion, self.prices.of(prompt, completion) if self.prices else None

    def masked(self, said: object) -> str:
        """Give words of others without our key in them."""
        return str(said).replace(self.key, "***") if self.key else str(said)


def validate_base_url(base_url: str) -> str:
    """Refuse what is no address of a server, or would put a secret into it."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as fault:
        raise EvaluationError(f"the address of the judge is none: {fault}") from fault
    if url.scheme not in ("http", "https") or not url.host:
        raise EvaluationError(
            f"the judge's address {base_url!r} is none: give one such as http://localhost:8000/v1"
        )
    if url.userinfo or url.query:
        raise EvaluationError(
            "the judge's address must hold no name, password or key: put the key into an "
            "environment variable, and name that with `--judge-key-variable`"
        )
    return base_url.rstrip("/").removesuffix("/chat/completions")


def decoded(content: bytes) -> Any:
    """Decode JSON; None where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def sentence(content: bytes) -> str:
    """Find what a server says in its reply to an error, in one line."""
    told = decoded(content) or content.decode(errors="replace")
    while isinstance(told, dict):
        told = next((told[n] for n in ("error", "message", "detail") if told.get(n)), str(told))
    line = " ".join(str(told).split())
    return line[:LONGEST_SENTENCE] or "nothing"


def parse_retry_after(retry_after: str) -> float:
    """Read how long a server asks to be left alone: seconds, or a date; 0 where it says nothing."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else 0.0
