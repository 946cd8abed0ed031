"""Request what a model is to write, filter the replies, and collect instances until it is enough.

Every reply is in the cache before it counts, so that a session that was killed goes on where it
was: the contexts have an order by hash, and the replies to their requests are found again.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from visionflan.errors import LlmError
from visionflan.llm.base import LlmReply
from visionflan.llm.batch import CallGuard, LlmBatch, LlmCall, LlmOutcome
from visionflan.llm.cache import CacheKey, ReplyCache
from visionflan.plural import counted
from visionflan.storage.instance import Instance
from visionflan.storage.schema import LedgerEntry
from visionflan.synthesize.contexts import ContextSource, ImageContext
from visionflan.synthesize.filters import Rejection, ReplyFilter
from visionflan.synthesize.instances import (
    WRITTEN,
    ReplySource,
    make_instance,
    make_source,
    task_of,
)
from visionflan.synthesize.kinds import SynthesisKind
from visionflan.synthesize.plan import purpose_of
from visionflan.synthesize.requests import RequestMaker
from visionflan.synthesize.same_model import SameModelClient

CHUNK = 512  # requests that are in memory at once
REQUESTS_PER_INSTANCE = (
    2  # at most: a model whose replies are mostly dropped is not called for ever
)


class PlannedRequest(NamedTuple):
    """A context with the key of its reply."""

    context: ImageContext
    key: CacheKey
    digest: str


class SynthesisSession:
    """Collects the instances of one kind that one model writes.

    `instances`, `sources` and `dropped` grow with the replies.
    """

    def __init__(
        self,
        kind: SynthesisKind,
        maker: RequestMaker,
        client: SameModelClient,
        cache: ReplyCache,
        guard: CallGuard,
    ) -> None:
        self.kind, self.maker, self.client = kind, maker, client
        self.cache, self.filter = cache, ReplyFilter(kind)
        self.batch = LlmBatch(cache, guard)
        self.instances: list[Instance] = []
        self.sources: list[ReplySource] = []
        self.dropped: list[LedgerEntry] = []
        self.num_requests = 0

    def run(self, source: ContextSource, count: int) -> None:
        """Collect `count` instances more, or fewer if contexts or allowed requests are used up.

        Raises LlmError if calls have stopped; the same session then goes on when it is run again.
        """
        goal, most = len(self.instances) + count, self.num_requests + count * REQUESTS_PER_INSTANCE
        contexts = source.contexts(sees_image=self.maker.with_images)
        while (missing := goal - len(self.instances)) and self.num_requests < most:
            chunk = list(islice(contexts, min(CHUNK, missing, most - self.num_requests)))
            if not chunk:
                return
            self.num_requests += len(chunk)
            self.collect(chunk)

    def collect(self, contexts: Sequence[ImageContext]) -> None:
        """Request what is written about some contexts, and filter it in their order."""
        planned = [self.plan(context) for context in contexts]
        waiting = [request for request in planned if self.cache.get(request.digest) is None]
        self.batch.num_successes += len(planned) - len(waiting)
        calls = [LlmCall(request.key, lambda text: True) for request in waiting]
        outcomes = self.batch.run(calls, f"writing {self.kind.name}") if calls else {}
        if self.batch.stop_reason:
            raise LlmError(
                f"stopped: {self.batch.stop_reason}; after "
                f"{counted(len(self.instances), 'instance')}, and with every reply so far in "
                f"{self.cache.path}: run the same command again to resume"
            )
        for request in planned:
            self.accept(request, outcomes.get(request.digest))

    def plan(self, context: ImageContext) -> PlannedRequest:
        """Return the request about a context; the model's identity is a part of its key."""
        purpose = purpose_of(self.client.identity)
        key = CacheKey(self.client, self.maker.request(context), purpose)
        return PlannedRequest(context, key, key.digest)

    def accept(self, request: PlannedRequest, outcome: LlmOutcome | None) -> None:
        """Make an instance of the reply to a request, or record why it is dropped."""
        context, reply = request.context, self.cache.get(request.digest)
        if reply is None:
            error = outcome.error if outcome else "no call was made"
            self.drop(request, Rejection("no_reply", error), LlmReply("", ""))
            return
        checked = self.filter.check(reply, context)
        if isinstance(checked, Rejection):
            self.drop(request, checked, reply)
            return
        instance = make_instance(
            context,
            checked,
            self.kind,
            model=self.client.name,
            requests=self.maker.prompts.requests,
        )
        self.instances.append(instance)
        self.add_source(request, instance.id, WRITTEN, reply)

    def drop(self, request: PlannedRequest, rejection: Rejection, reply: LlmReply) -> None:
        """Record a reply that becomes no instance."""
        task = task_of(self.client.name, self.kind)
        entry = LedgerEntry(task, request.context.key, "dropped", *rejection, file="")
        self.dropped.append(entry)
        self.add_source(request, "", rejection.reason, reply)

    def add_source(
        self, request: PlannedRequest, instance: str, outcome: str, reply: LlmReply
    ) -> None:
        """Record where a reply comes from."""
        context, digest = request.context, request.digest
        source = make_source(instance, outcome, context, self.client.name, digest, reply)
        self.sources.append(source)

    def reasons(self) -> dict[str, int]:
        """Return how many replies were dropped for which reason."""
        return dict(sorted(Counter(entry.reason for entry in self.dropped).items()))
