"""Make instances of what a model wrote: their turns, their task, and where they come from."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

import pyarrow as pa

from visionflan.dataset import IMAGE_MARKER
from visionflan.hashing import stable_hash
from visionflan.llm.base import LlmReply
from visionflan.prompt import OPTION_FORM
from visionflan.storage.authors import author_slug
from visionflan.storage.instance import WRITTEN_BY, Instance, Turn
from visionflan.storage.schema import TEXT, TaskInfo, non_null_list, non_null_schema
from visionflan.synthesize.contexts import ImageContext
from visionflan.synthesize.kinds import SynthesisKind
from visionflan.synthesize.parse import WrittenExchange

METRIC = "rouge_l"
WRITTEN = "written"  # the outcome of a reply that became an instance
SOURCES_SCHEMA = (
    non_null_schema(
        instance=TEXT,
        outcome=TEXT,
        rows=non_null_list(TEXT),
        image=TEXT,
        model=TEXT,
        served_model=TEXT,
        fingerprint=TEXT,
        written_at=TEXT,
        request_sha256=TEXT,
        finish_reason=TEXT,
        reply=TEXT,
    )
    .append(pa.field("prompt_tokens", pa.int64()))
    .append(pa.field("completion_tokens", pa.int64()))
)


class ReplySource(NamedTuple):
    """A line of `sources.parquet`: a reply, what became of it, and what it was written from.

    Attributes:
        instance: the id of the instance; empty if the reply was dropped.
        outcome: `written`, or the reason in the ledger.
        rows: the ids of the rows in the build that it was written from.
        image: the id of their image.
        model: the model that was requested.
        served_model: the model's name in the response.
        fingerprint: the `system_fingerprint` in the response; empty if there is none.
        written_at: when the reply was stored, an ISO 8601 time in UTC.
        request_sha256: the digest of the request, its model and its settings.
        finish_reason: `stop`, or `length` if the reply was cut.
        reply: what the model wrote.
        prompt_tokens: None where the server does not count.
        completion_tokens: None where the server does not count.
    """

    instance: str
    outcome: str
    rows: tuple[str, ...]
    image: str
    model: str
    served_model: str
    fingerprint: str
    written_at: str
    request_sha256: str
    finish_reason: str
    reply: str
    prompt_tokens: int | None
    completion_tokens: int | None


def author_dataset(model: str) -> str:
    """Return the dataset name of what a model writes: `written-by-` and the model's name.

    Of a model that is served under a path, it has the last part only.
    """
    name = PurePath(model).name if model.startswith(("/", ".")) else model
    return f"{WRITTEN_BY}{author_slug(name)}"


def task_of(model: str, kind: SynthesisKind) -> str:
    """Return the task of what a model writes of one kind."""
    return f"{author_dataset(model)}/{kind.name}"


def task_info(model: str, kind: SynthesisKind) -> TaskInfo:
    """Return the metadata of the task of one kind."""
    return TaskInfo(
        dataset=author_dataset(model),
        official_name=f"{author_dataset(model)}+{kind.name}",
        title=kind.title,
        instruction="",
        category="",
        group=kind.group,
        metric=METRIC,
    )


def make_instance(
    context: ImageContext,
    exchanges: Sequence[WrittenExchange],
    kind: SynthesisKind,
    *,
    model: str,
    requests: Sequence[str],
) -> Instance:
    """Return the instance of what was written about a context.

    `requests` are what users say to ask for what the model wrote no question for.
    """
    task, answer = task_of(model, kind), exchanges[0].answer
    turns = [
        turn
        for exchange in exchanges
        for turn in (Turn("user", exchange.question), Turn("assistant", exchange.answer))
    ]
    prompt = first_prompt(context, exchanges[0].question, kind, requests)
    return Instance(
        id=f"{task}/{context.key}",
        dataset=author_dataset(model),
        task=task,
        split=context.rows[0].instance.split,
        key=context.key,
        images=(context.image,),
        turns=(Turn("user", prompt), *turns[1:]),
        instruction="",
        text="" if kind.name == "rewrite" else prompt.replace(IMAGE_MARKER, "").strip(),
        options=(),
        target=answer,
        references=(answer,),
        metric=METRIC,
        synthetic=True,
    )


def first_prompt(
    context: ImageContext, question: str, kind: SynthesisKind, requests: Sequence[str]
) -> str:
    """Return the first turn of the user, with the image marker first or last by hash."""
    number = stable_hash(kind.name, context.key, "words")
    request = requests[number % len(requests)] if requests else ""
    if kind.name == "rewrite":
        return row_prompt(context.rows[0].instance.prompt, request)
    text = question or request
    return f"{IMAGE_MARKER}\n{text}" if number // 2 % 2 else f"{text}\n{IMAGE_MARKER}"


def row_prompt(prompt: str, request: str) -> str:
    """Return the prompt of a row that asks for complete sentences instead of another form."""
    if OPTION_FORM in prompt:
        return prompt.replace(OPTION_FORM, request)
    text, marker, rest = prompt.rpartition(f"\n{IMAGE_MARKER}")
    return f"{text} {request}{marker}" if marker and not rest else f"{prompt} {request}"


def make_source(
    instance: str, outcome: str, context: ImageContext, model: str, digest: str, reply: LlmReply
) -> ReplySource:
    """Return the line of a reply."""
    return ReplySource(
        instance=instance,
        outcome=outcome,
        rows=tuple(row.instance.id for row in context.rows),
        image=context.image,
        model=model,
        served_model=reply.model,
        fingerprint=reply.fingerprint,
        written_at=reply.stored_at,
        request_sha256=digest,
        finish_reason=reply.finish_reason,
        reply=reply.text,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def sources_table(sources: Sequence[ReplySource]) -> pa.Table:
    """Return the lines as a table."""
    return pa.Table.from_pylist([source._asdict() for source in sources], schema=SOURCES_SCHEMA)
