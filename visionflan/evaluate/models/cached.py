"""A cache of answers in front of a model, so that no question is answered twice.

A key is the hash of everything that determines an answer: the digest of the model (weights,
processor, tokenizer, template), the token ids of the prompt, the pixels of the images, the
settings, and the version of the code that generates. Another checkpoint at the same path, another
image under the same name, or another limit of tokens is another key.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from PIL import Image

from visionflan.errors import EvaluationError
from visionflan.evaluate.models.base import (
    ConversationImages,
    Conversations,
    EvalModel,
    LikelihoodModel,
    Reply,
)

GENERATION_VERSION = 1  # raised by every change to the code of generation that changes answers


class CachedReply(NamedTuple):
    """An answer from the cache."""

    text: str
    num_tokens: int
    finish_reason: str


class CachedLikelihood(NamedTuple):
    """The log-likelihood of a candidate from the cache."""

    sum_logprob: float


class CachedModel:
    """A model behind a cache: only what is not in the cache reaches the model.

    `hits` and `misses` count questions, for answers and for log-likelihoods alike. Threads that ask
    single questions may share it: of equal questions the first one reaches the model.
    """

    def __init__(self, model: EvalModel, path: Path) -> None:
        self.model, self.path = model, path
        self.hits = self.misses = 0
        self.lock = Lock()
        self.key_locks: dict[str, Lock] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.connection() as table:
            table.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT)")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open the database, and commit at the end.

        Raises EvaluationError if the file is not such a database.
        """
        connection = sqlite3.connect(self.path, timeout=60)
        try:
            with connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise EvaluationError(
                f"{self.path} is not a cache of answers ({error}): delete it, or use `--no-cache`"
            ) from error
        finally:
            connection.close()

    @property
    def digest(self) -> str:
        """The digest of the model."""
        return self.model.digest

    @property
    def precision(self) -> str:
        """The dtype the model computes in."""
        return self.model.precision

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Return the token ids of each conversation's prompt."""
        return self.model.prompt_tokens(conversations)

    def generate(
        self, conversations: Conversations, images: ConversationImages, max_new_tokens: int
    ) -> Sequence[Reply]:
        """Return answers, those that are not in the cache generated in one batch."""
        settings = [["generate", max_new_tokens]] * len(conversations)
        compute = partial(self.compute_replies, conversations, images, max_new_tokens)
        keys = self.keys(conversations, images, settings)
        with self.alone_with(keys):
            values = self.lookup_or_compute(keys, compute)
        return [CachedReply(*value) for value in values]

    @contextmanager
    def alone_with(self, keys: Sequence[str]) -> Iterator[None]:
        """Wait until no other thread computes the answer to the same single question."""
        if len(keys) != 1:
            yield
            return
        with self.lock:
            key_lock = self.key_locks.setdefault(keys[0], Lock())
        with key_lock:
            yield

    def compute_replies(
        self,
        conversations: Conversations,
        images: ConversationImages,
        max_new_tokens: int,
        indices: Sequence[int],
    ) -> list[list[Any]]:
        """Return the model's replies to the conversations at these indices, as JSON values."""
        replies = self.model.generate(
            [conversations[i] for i in indices], [images[i] for i in indices], max_new_tokens
        )
        return [[reply.text, reply.num_tokens, reply.finish_reason] for reply in replies]

    def loglikelihood(
        self,
        conversations: Conversations,
        images: ConversationImages,
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[CachedLikelihood]]:
        """Return log-likelihoods, those that are not in the cache computed in one batch.

        They are empty for a model that computes none.
        """
        if not isinstance(self.model, LikelihoodModel):
            return [[] for _ in conversations]
        settings = [["loglikelihood", *texts] for texts in candidates]
        compute = partial(self.compute_logprobs, self.model, conversations, images, candidates)
        values = self.lookup_or_compute(self.keys(conversations, images, settings), compute)
        return [[CachedLikelihood(logprob) for logprob in value] for value in values]

    @staticmethod
    def compute_logprobs(
        model: LikelihoodModel,
        conversations: Conversations,
        images: ConversationImages,
        candidates: Sequence[Sequence[str]],
        indices: Sequence[int],
    ) -> list[list[float]]:
        """Return the summed log-probabilities of the candidates at these indices."""
        likelihoods = model.loglikelihood(
            [conversations[i] for i in indices],
            [images[i] for i in indices],
            [candidates[i] for i in indices],
        )
        return [[candidate.sum_logprob for candidate in question] for question in likelihoods]

    def keys(
        self,
        conversations: Conversations,
        images: ConversationImages,
        settings: Sequence[Sequence[object]],
    ) -> list[str]:
        """Return a key for each conversation: the hash of all that determines its answer."""
        model = [GENERATION_VERSION, self.digest, self.precision]
        prompts = self.prompt_tokens(conversations)
        parts = [
            [model, token_ids, [pixels_digest(image) for image in prompt_images], prompt_settings]
            for token_ids, prompt_images, prompt_settings in zip(
                prompts, images, settings, strict=True
            )
        ]
        return [sha256(json.dumps(part).encode()).hexdigest() for part in parts]

    def lookup_or_compute(
        self, keys: list[str], compute: Callable[[Sequence[int]], list[list[Any]]]
    ) -> list[Any]:
        """Return the value of each key; `compute` is called for the indices of missing keys.

        What it returns is stored.
        """
        with self.connection() as table:
            marks = ",".join("?" * len(keys))
            rows = table.execute(f"SELECT key, value FROM answers WHERE key IN ({marks})", keys)
            values = {key: json.loads(value) for key, value in rows}
        missing = [index for index, key in enumerate(keys) if key not in values]
        with self.lock:
            self.hits += len(keys) - len(missing)
            self.misses += len(missing)
        if missing:
            new = dict(zip([keys[index] for index in missing], compute(missing), strict=True))
            with self.connection() as table:
                table.executemany(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?)",
                    [(key, json.dumps(value)) for key, value in new.items()],
                )
            values |= new
        return [values[key] for key in keys]


def pixels_digest(image: Image.Image) -> str:
    """Return the hash of what the model sees of an image: its size, its mode and its pixels."""
    header = f"{image.mode} {image.width} {image.height} ".encode()
    return sha256(header + image.tobytes()).hexdigest()
