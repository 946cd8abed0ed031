"""Answers kept by all that decides them, so that no model is asked the same twice.

The key is made of the digest of the model (weights, processor, tokenizer, template), the tokens of
the prompt, the pixels of the pictures, the settings, and the version of the code that generates.
Another checkpoint at the same path, another picture of the same name or another limit of tokens is
another key.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.errors import EvaluationError
from visionflan.evaluate.models.base import EvalModel, LikelihoodModel, Reply
from visionflan.storage.instance import Turn

CACHE = "answers.sqlite"
GENERATION_VERSION = 1  # counts the changes to the code of generation that change answers

Conversations = Sequence[Sequence[Turn]]
Images = Sequence[Sequence[Image.Image]]


class CachedReply(NamedTuple):
    """An answer as it was given before."""

    text: str
    tokens: int
    finish_reason: str


class CachedLikelihood(NamedTuple):
    """How likely an answer was."""

    summed: float


class CachedModel:
    """An answerer that is asked only what it was not asked before.

    `hits` and `misses` count questions, answers and weighings alike.
    """

    def __init__(self, answerer: EvalModel, path: Path) -> None:
        self.answerer, self.path = answerer, path
        self.hits = self.misses = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.opened() as table:
            table.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, told TEXT)")

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Open the table, and keep what was written to it."""
        connection = sqlite3.connect(self.path, timeout=60)
        try:
            with connection:
                yield connection
        except sqlite3.DatabaseError as fault:
            raise EvaluationError(
                f"{self.path} is not a cache of answers ({fault}): remove it, or use `--no-cache`"
            ) from fault
        finally:
            connection.close()

    @property
    def digest(self) -> str:
        """The digest of the model."""
        return self.answerer.digest

    @property
    def precision(self) -> str:
        """The arithmetic of the model."""
        return self.answerer.precision

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Give the tokens of each conversation."""
        return self.answerer.prompt_tokens(conversations)

    def answer(
        self, conversations: Conversations, images: Images, max_new_tokens: int
    ) -> Sequence[Reply]:
        """Answer from what is kept, and ask the rest in one batch."""
        keys = self.keys(conversations, images, [["answer", max_new_tokens]] * len(conversations))

        def ask(places: Sequence[int]) -> list[list[Any]]:
            replies = self.answerer.answer(
                [conversations[p] for p in places], [images[p] for p in places], max_new_tokens
            )
            return [[reply.text, reply.tokens, reply.finish_reason] for reply in replies]

        return [CachedReply(*told) for told in self.told(keys, ask)]

    def weigh(
        self, conversations: Conversations, images: Images, candidates: Sequence[Sequence[str]]
    ) -> Sequence[Sequence[CachedLikelihood]]:
        """Weigh from what is kept, and the rest in one batch."""
        weigher = self.answerer
        if not isinstance(weigher, LikelihoodModel):
            return [[] for _ in conversations]
        keys = self.keys(conversations, images, [["weigh", *each] for each in candidates])

        def ask(places: Sequence[int]) -> list[list[float]]:
            found = weigher.weigh(
                [conversations[p] for p in places],
                [images[p] for p in places],
                [candidates[p] for p in places],
            )
            return [[each.summed for each in likelihoods] for likelihoods in found]

        return [[CachedLikelihood(summed) for summed in told] for told in self.told(keys, ask)]

    def keys(
        self, conversations: Conversations, images: Images, settings: Sequence[Sequence[object]]
    ) -> list[str]:
        """Name each question by all that decides its answer."""
        model = [GENERATION_VERSION, self.digest, self.precision]
        tokens = self.prompt_tokens(conversations)
        return [
            sha256(
                json.dumps([model, asked, list(map(pixels_digest, shown)), how]).encode()
            ).hexdigest()
            for asked, shown, how in zip(tokens, images, settings, strict=True)
        ]

    def told(self, keys: list[str], ask: Callable[[Sequence[int]], list[list[Any]]]) -> list[Any]:
        """Look keys up, ask for those that are not kept, and keep what is said."""
        with self.opened() as table:
            marks = ",".join("?" * len(keys))
            found = table.execute(f"SELECT key, told FROM answers WHERE key IN ({marks})", keys)
            kept = {key: json.loads(told) for key, told in found}
        new = [place for place, key in enumerate(keys) if key not in kept]
        self.hits, self.misses = self.hits + len(keys) - len(new), self.misses + len(new)
        if new:
            fresh = {keys[place]: told for place, told in zip(new, ask(new), strict=True)}
            rows = [(key, json.dumps(told)) for key, told in fresh.items()]
            with self.opened() as table:
                table.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
            kept |= fresh
        return [kept[key] for key in keys]


def pixels_digest(image: Image.Image) -> str:
    """Name a picture by what the model is shown: its size, its mode and its pixels."""
    header = f"{image.mode} {image.width} {image.height} ".encode()
    return sha256(header + image.tobytes()).hexdigest()
