"""What is to be written, checked before anything is sent, and what it would cost."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.builder.output_dir import is_empty, is_left_by_writer
from visionflan.errors import BuildError
from visionflan.evaluate.image_policy import check_tasks, mark_sensitive
from visionflan.evaluate.models.served import AnswerClient, ServerIdentity
from visionflan.evaluate.served_evaluation import ServerSettings
from visionflan.llm.budget import CostEstimate, estimate_cost
from visionflan.llm.cache import CacheKey, ReplyCache
from visionflan.llm.server_url import validate_base_url
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Split
from visionflan.synthesize.contexts import ContextSource, ImageContext
from visionflan.synthesize.kinds import find_kind
from visionflan.synthesize.prompt_files import load_prompts
from visionflan.synthesize.requests import RequestMaker

Log = Callable[[str], None]
REPLY_CACHE = "synthesize.sqlite"
SERVER = "server.json"  # the model that wrote so far, in the directory of what is not finished


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """What is written, from which rows, and how."""

    kind: str
    count: int  # instances to train on
    held_out: int = 0  # instances about held-out images, to evaluate on
    tasks: tuple[str, ...] = ()  # patterns of the tasks whose rows are used; empty: all
    seed: int = 0  # of the order of the images
    prompts: Path | None = None  # a directory with changed prompts
    with_images: bool = False  # send the image along with its rows
    temperature: float = 0.7
    max_new_tokens: int = 1024  # of one reply
    terms: str = ""  # of the model, for what it writes


class SynthesisPlan:
    """A build, a server and settings, with the requests that follow from them.

    Raises BuildError if the output directory is not empty, or a prompt has not what it must.
    """

    def __init__(
        self,
        build: BuildDirectory,
        server: ServerSettings,
        settings: SynthesisSettings,
        out: Path,
        cache: Path | None = None,
    ) -> None:
        if not is_empty(out) and not is_left_by_writer(out):
            raise BuildError(f"{out} is not empty: choose a new directory with `--out`")
        self.build, self.server, self.settings, self.out = build, server, settings, out
        self.cache_path = cache or out.resolve().parent / REPLY_CACHE
        self.kind = find_kind(settings.kind)
        self.prompts = load_prompts(settings.kind, settings.prompts)
        counts: dict[Split, int] = {"train": settings.count, "held_out": settings.held_out}
        self.parts = [
            (ContextSource(build, settings.tasks, self.kind, settings.seed, split), count)
            for split, count in counts.items()
            if count
        ]
        self.maker = RequestMaker(
            build,
            self.prompts,
            with_images=settings.with_images,
            temperature=settings.temperature,
            max_tokens=settings.max_new_tokens,
        )

    @cached_property
    def client(self) -> AnswerClient:
        """The client of the server."""
        return self.server.client()

    @property
    def unfinished(self) -> Path:
        """The directory that says which model has written so far, until the build is there."""
        return self.out.with_name(f"{self.out.name}.unfinished")

    def check_images(self, log: Log) -> None:
        """Raise EvaluationError if images must not be sent to the server."""
        if not self.settings.with_images:
            return
        columns = [source.instances.column("task") for source, _ in self.parts]
        tasks = sorted({task for column in columns for task in column})
        headers = {task: mark_sensitive(task, self.build.tasks[task]) for task in tasks}
        url = validate_base_url(self.server.url)
        check_tasks(url, [headers], log, send_images=self.server.send_images)

    def earlier_identity(self) -> dict[str, Any] | None:
        """Return the model that has written so far; None if none has."""
        path = self.unfinished / SERVER
        if not path.is_file():
            return None
        identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return identity

    def check_identity(self, identity: ServerIdentity) -> None:
        """Raise BuildError if another model has written so far; else record this one."""
        now, earlier = identity._asdict(), self.earlier_identity()
        if earlier is not None and earlier != now:
            changes = [
                f"{name} was {value!r} and is {now.get(name)!r}"
                for name, value in earlier.items()
                if now.get(name) != value
            ]
            raise BuildError(
                f"another model has begun to write {self.out} ({'; '.join(changes)}): serve that "
                f"model again, choose another `--out`, or delete {self.unfinished} to begin anew"
            )
        write_json(self.unfinished / SERVER, now)

    def estimate(self) -> CostEstimate:
        """Estimate the cost, with one request an instance and no call at all.

        Replies in the cache count if they are of the model that has written so far.
        """
        sees = self.settings.with_images
        chosen = [
            context
            for source, count in self.parts
            for context in islice(source.contexts(sees_image=sees), count)
        ]
        waiting = self.without_reply(chosen)
        requests = [self.maker.request(context, with_pixels=False) for context in waiting]
        cached = len(chosen) - len(waiting)
        return estimate_cost(len(chosen), cached, requests, self.server.prices)

    def without_reply(self, contexts: list[ImageContext]) -> list[ImageContext]:
        """Return the contexts whose reply is not in the cache."""
        identity = self.earlier_identity()
        if identity is None or not self.cache_path.is_file():
            return contexts
        purpose = purpose_of(ServerIdentity(**identity))
        cache = ReplyCache(self.cache_path)
        try:
            return [
                context
                for context in contexts
                if cache.get(CacheKey(self.client, self.maker.request(context), purpose).digest)
                is None
            ]
        finally:
            cache.close()

    def describe(self, identity: ServerIdentity) -> dict[str, Any]:
        """Return what the manifest records of the model, the prompts and the settings."""
        settings = self.settings
        return {
            "kind": settings.kind,
            "build": self.build.digest,
            "tasks": list(settings.tasks),
            "count": settings.count,
            "held_out": settings.held_out,
            "seed": settings.seed,
            "with_images": settings.with_images,
            "temperature": settings.temperature,
            "max_new_tokens": settings.max_new_tokens,
            "server": identity._asdict(),
            "terms": settings.terms,
            "prompt": self.prompts.prompt,
            "requests": list(self.prompts.requests),
            "prompts_sha256": self.prompts.digest,
        }


def purpose_of(identity: ServerIdentity) -> str:
    """Return what keeps the replies of a model apart in the cache from those of all others."""
    return f"synthesize {identity.digest}"
