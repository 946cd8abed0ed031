"""Replies of language models in one SQLite file that can be shared, so that none is paid twice.

The key is the hash of everything that determines a reply. The file has the replies and their cost,
not the requests. Only replies that the caller could use are stored.
"""

import json
import sqlite3
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from visionflan.errors import LlmError
from visionflan.llm.base import LlmClient, LlmReply, LlmRequest

Row = tuple[str | int | float | None, ...]
VERSION = 3
COLUMNS = (
    *("text", "model", "prompt_tokens", "completion_tokens", "cost", "attempts"),
    *("finish_reason", "fingerprint", "stored_at"),
)
TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, client TEXT NOT NULL, purpose TEXT NOT NULL, text TEXT NOT NULL,
    model TEXT NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL,
    attempts INTEGER NOT NULL, finish_reason TEXT NOT NULL, fingerprint TEXT NOT NULL,
    stored_at TEXT NOT NULL
)
"""


class CacheKey(NamedTuple):
    """Everything that determines a reply.

    `purpose` keeps apart equal requests whose replies are used differently; `sample_index` numbers
    the samples of one request.
    """

    client: LlmClient
    request: LlmRequest
    purpose: str
    sample_index: int = 0

    @property
    def digest(self) -> str:
        """The sha256 of the key."""
        content = [
            self.client.address,
            self.client.name,
            [list(message) for message in self.request.messages],
            {"temperature": self.request.temperature, "max_tokens": self.request.max_tokens},
            self.purpose,
            self.sample_index,
        ]
        return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class ReplyCache:
    """The replies in a file; each is on disk before the next request is sent.

    Replies that arrive while the disk is busy are stored together, in one transaction.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, Lock()
        self.waiting: dict[str, Row] = {}  # rows to store, by digest
        self.waiting_lock = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise LlmError(f"{path} was written by another version of visionflan: remove it")
            with self.connection:
                self.connection.execute(TABLE)
                self.connection.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            raise LlmError(f"{path} is not a cache of replies: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def get(self, digest: str) -> LlmReply | None:
        """Return the reply stored under a digest, None if there is none."""
        with self.lock:
            row = self.connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM replies WHERE key = ?", [digest]
            ).fetchone()
        return LlmReply(cached=True, **dict(zip(COLUMNS, row, strict=True))) if row else None

    def put(self, key: CacheKey, reply: LlmReply) -> None:
        """Store a reply durably; raise LlmError if that fails."""
        stored = reply._replace(stored_at=datetime.now(UTC).isoformat(timespec="seconds"))
        values = [getattr(stored, name) for name in COLUMNS]
        digest = key.digest
        with self.waiting_lock:
            self.waiting[digest] = (digest, key.client.name, key.purpose, *values)
        with self.lock:
            with self.waiting_lock:
                if digest not in self.waiting:  # the thread before stored it
                    return
                rows, self.waiting = self.waiting, {}
            self.store(rows, digest)

    def store(self, rows: dict[str, Row], digest: str) -> None:
        """Store rows in one transaction; if that fails, only that of `digest` is given up."""
        marks = ", ".join("?" * len(rows[digest]))
        try:
            with self.connection:
                self.connection.executemany(
                    f"INSERT OR REPLACE INTO replies VALUES ({marks})", rows.values()
                )
        except sqlite3.Error as error:
            del rows[digest]
            with self.waiting_lock:  # the threads that they are from try again
                self.waiting = {**rows, **self.waiting}
            raise LlmError(f"cannot store a reply in {self.path}: {error}") from error
