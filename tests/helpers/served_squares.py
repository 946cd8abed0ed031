"""A scripted server that answers questions about the squares of the tiny build by looking."""

import io
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from PIL import Image

from tests.helpers.llm_server import Behavior, LlmServer, RecordedDelays, sends
from tests.helpers.tiny_evaluation import ToyModel
from visionflan.evaluate.models.served import PROBE
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.run import EvaluationResult
from visionflan.evaluate.served_evaluation import ServerSettings, evaluate_served
from visionflan.storage.directory import BuildDirectory

MODEL = "squares"
ENTRY = {"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm", "root": "/models/a"}


def completion(text: str | None, *, model: str = MODEL, fingerprint: str = "fp_1") -> Behavior:
    """Answer as vLLM does."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    body = {
        "model": model,
        "system_fingerprint": fingerprint,
        "choices": [{**choice, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 3},
    }
    return sends(json.dumps(body).encode())


def parts_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of the only message of a request."""
    (message,) = body["messages"]
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def is_probe(body: dict[str, Any]) -> bool:
    """Return whether a request only wants to know which model replies."""
    return [part.get("text") for part in parts_of(body)] == [PROBE]


def look(body: dict[str, Any]) -> str:
    """Return the answer of a model that sees the image of a request."""
    parts = parts_of(body)
    text = " ".join(part["text"] for part in parts if part["type"] == "text")
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    if not urls:
        return "yes"
    head, _, data = urls[0].partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(b64decode(data)))
    return ToyModel().answer(text, image, body["max_tokens"]).text


def squares_server() -> LlmServer:
    """Return a server that answers well; `models` lists its model as vLLM does."""
    server = LlmServer()
    server.models = [{**ENTRY}]
    server.by_request = lambda body: completion(look(body))
    return server


def questions(server: LlmServer) -> list[dict[str, Any]]:
    """Return the requests without those that only wanted to know which model replies."""
    return [body for body in server.requests if not is_probe(body)]


def evaluate_server(
    server: LlmServer,
    build: BuildDirectory,
    out: Path,
    *,
    delays: RecordedDelays | None = None,
    selection: EvalSelection | None = None,
    **settings: Any,
) -> tuple[list[EvaluationResult], list[str]]:
    """Evaluate the model of a server; return the results and the lines that are logged."""
    lines: list[str] = []
    results = evaluate_served(
        ServerSettings(**{"url": server.url, "model": MODEL, **settings}),
        selection or EvalSelection(builds=(build.path,), limit=2),
        out,
        lines.append,
        (delays or RecordedDelays()).policy,
    )
    return results, lines


def with_first(count: int, first: Behavior, then: Behavior | None = None) -> Any:
    """Answer the first questions otherwise, and the rest by looking."""
    seen: list[None] = []

    def behave(body: dict[str, Any]) -> Behavior:
        if is_probe(body):
            return completion("yes")
        seen.append(None)
        return first if len(seen) <= count else then or completion(look(body))

    return behave
