"""A scripted server whose model writes instances from the rows that it is sent."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.helpers.llm_server import Behavior, LlmServer, RecordedDelays, sends
from tests.helpers.served_squares import is_probe, parts_of
from visionflan.evaluate.served_evaluation import ServerSettings
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.plan import SynthesisPlan, SynthesisSettings
from visionflan.synthesize.run import SynthesisResult, synthesize

MODEL = "Writer-1"
ROW = re.compile(r"Question: (?P<question>.*)\n(?:Options: .*\n)?Answer: (?P<answer>.*)")
KINDS = {"Write a conversation": "conversation", "Describe the image": "detail"}
KINDS |= {"Write one question": "reasoning", "Write the answer again": "rewrite"}


def completes(
    text: str, *, finish_reason: str = "stop", model: str = MODEL, fingerprint: str = "fp_1"
) -> Behavior:
    """Answer with a text."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    body = {
        "model": model,
        "system_fingerprint": fingerprint,
        "choices": [{"index": 0, **choice}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }
    return sends(json.dumps(body).encode())


def text_of(body: dict[str, Any]) -> str:
    """Return the text of the only message of a request."""
    return str(next(part["text"] for part in parts_of(body) if part["type"] == "text"))


def write_well(body: dict[str, Any]) -> str:
    """Return what a model writes that follows its prompt."""
    text = text_of(body)
    kind = next((kind for words, kind in KINDS.items() if words in " ".join(text.split())), "")
    rows = [(match["question"], match["answer"]) for match in ROW.finditer(text)]
    labels = " ".join(f"What I see is: {answer}." for _, answer in rows)
    marks = " ".join(sha256(text.encode()).hexdigest()[i : i + 4] for i in range(0, 64, 4))
    return {
        "": "yes",
        "conversation": f"Question: What is visible?\nAnswer: {labels}\n"
        f"Question: Does it look calm?\nAnswer: It does, with {marks}.",
        "detail": f"This is a scene of {marks}. {labels}",
        "reasoning": f"Question: Why is it so plain?\nAnswer: {labels} So it is with {marks}.",
        "rewrite": f"{rows[0][1]} is what the image shows." if rows else "",
    }[kind]


Writer = Callable[[dict[str, Any]], str | Behavior]


def writing_server(write: Writer = write_well) -> LlmServer:
    """Return a server whose model writes by a function, and answers the first short question."""
    server = LlmServer()
    server.models = [{"id": MODEL, "owned_by": "vllm"}]
    server.by_request = behaves(write)
    return server


def behaves(write: Writer) -> Callable[[dict[str, Any]], Behavior]:
    """Return the behavior of a model that writes by a function."""

    def behave(body: dict[str, Any]) -> Behavior:
        written = "yes" if is_probe(body) else write(body)
        return completes(written) if isinstance(written, str) else written

    return behave


def written_requests(server: LlmServer) -> list[dict[str, Any]]:
    """Return the requests for instances."""
    return [body for body in server.requests if not is_probe(body)]


def run_synthesis(
    server: LlmServer, build: BuildDirectory, out: Path, kind: str, count: int, **settings: Any
) -> tuple[SynthesisResult, list[str]]:
    """Write a build by the model of a server; return the result and the lines that are logged."""
    plan = plan_synthesis(server, build, out, kind, count, **settings)
    lines: list[str] = []
    return synthesize(plan, lines.append, RecordedDelays().policy), lines


def plan_synthesis(
    server: LlmServer, build: BuildDirectory, out: Path, kind: str, count: int, **settings: Any
) -> SynthesisPlan:
    """Return a plan; settings are those of the synthesis or of the server."""
    of_server = {name: settings.pop(name) for name in list(settings) if name not in FIELDS}
    served = ServerSettings(**{"url": server.url, "model": MODEL, **of_server})
    return SynthesisPlan(build, served, SynthesisSettings(kind=kind, count=count, **settings), out)


FIELDS = SynthesisSettings.__dataclass_fields__
