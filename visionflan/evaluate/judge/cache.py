"""Replies of judges, kept in one SQLite file that can be handed on, so that nothing is paid twice.

The key is made of all that decides a reply; what is kept is the judge's words and what they took,
not what was asked. Only replies that the rubric could read are kept.
"""

import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import Judge, JudgeReply
from visionflan.evaluate.judge.rubric import JudgeRequest

CACHE = "judge.sqlite"
VERSION = 1
COLUMNS = ("text", "model", "prompt_tokens", "completion_tokens", "cost", "attempts")
TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, judge TEXT NOT NULL, rubric TEXT NOT NULL, text TEXT NOT NULL,
    model TEXT NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL,
    attempts INTEGER NOT NULL
)
"""


class CacheKey(NamedTuple):
    """Who is asked what: all that decides a reply."""

    judge: Judge
    request: JudgeRequest
    rubric: str
    repeat: int
    swapped: bool

    @property
    def key(self) -> str:
        """Name it by content."""
        content = [
            self.judge.address,
            self.judge.name,
            [list(message) for message in self.request.messages],
            {"temperature": self.request.temperature, "max_tokens": self.request.max_tokens},
            self.rubric,
            self.repeat,
            self.swapped,
        ]
        return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class ReplyCache:
    """The replies in a file; each is safe on disk before the next is asked for."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.table = sqlite3.connect(path, timeout=60, check_same_thread=False)
            (version,) = self.table.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise EvaluationError(f"{path} was written by another version of visionflan")
            with self.table:
                self.table.execute(TABLE)
                self.table.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as fault:
            raise EvaluationError(f"{path} is no cache of a judge's replies: {fault}") from fault

    def close(self) -> None:
        """Close the file."""
        self.table.close()

    def get(self, key: str) -> JudgeReply | None:
        """Give a reply that is kept."""
        with self.lock:
            row = self.table.execute(
                f"SELECT {', '.join(COLUMNS)} FROM replies WHERE key = ?", [key]
            ).fetchone()
        return JudgeReply(*row)._replace(cached=True) if row else None

    def put(self, asked: CacheKey, reply: JudgeReply) -> None:
        """Keep a reply for good."""
        values = [getattr(reply, name) for name in COLUMNS]
        row = [asked.key, asked.judge.name, asked.rubric, *values]
        marks = ", ".join("?" * len(row))
        try:
            with self.lock, self.table:
                self.table.execute(f"INSERT OR REPLACE INTO replies VALUES ({marks})", row)
        except sqlite3.Error as fault:
            raise EvaluationError(f"{self.path} cannot keep a judge's reply: {fault}") from fault
