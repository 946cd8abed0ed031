"""Find instances by task, split, id and words: Arrow compares columns, and Python sees matches."""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from starlette.requests import Request

from visionflan.web.open_build import OpenBuild, joined, rows_of_elements
from visionflan.web.rendering import text_parameter

WORD = re.compile(r'"([^"]+)"|(\S+)')
MAX_WORDS = 20
MAX_THREADS = 4  # that compare texts: Arrow lets them run at the same time


class InstanceQuery(NamedTuple):
    """What a user looks for; empty text filters nothing.

    Attributes:
        id: a part of the instance's id.
        words: texts that must all occur in the conversation; in quotes, as one text.
    """

    task: str = ""
    split: str = ""
    id: str = ""
    words: str = ""

    @classmethod
    def of(cls, request: Request) -> "InstanceQuery":
        """Return the query in the URL of a request."""
        return cls(*(text_parameter(request, name) for name in cls._fields))


def search_instances(build: OpenBuild, query: InstanceQuery) -> NDArray[np.int64]:
    """Return the indices of the matching instances, in the order of the build."""
    words = parse_words(query.words)
    batches = build.batches("task", "split", "id", "turns")
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        rows = pool.map(
            lambda batch: batch.first + matching_rows(batch.columns, query, words), batches
        )
        return joined(rows)


def parse_words(text: str) -> list[str]:
    """Return the words of a query and its texts in quotes, the longest first: they are rarest."""
    words = [quoted or word for quoted, word in WORD.findall(text)][:MAX_WORDS]
    return sorted(dict.fromkeys(words), key=len, reverse=True)


def matching_rows(
    columns: Sequence[pa.Array], query: InstanceQuery, words: Sequence[str]
) -> NDArray[np.int64]:
    """Return the matching rows of a batch; each word is looked for where all else matches."""
    tasks, splits, ids, turns = columns
    mask = np.ones(len(tasks), dtype=bool)
    for column, value in ((tasks, query.task), (splits, query.split)):
        if value:
            mask &= as_numpy(pc.equal(column, value))
    if query.id and mask.any():
        mask &= as_numpy(pc.match_substring(ids, query.id))
    rows = np.flatnonzero(mask)
    for word in words:
        if len(rows) == 0:
            break
        remaining = turns if len(rows) == len(turns) else turns.take(pa.array(rows))
        rows = rows[rows_with_word(remaining, word)]
    return rows


def rows_with_word(turns: pa.ListArray, word: str) -> NDArray[np.bool_]:
    """Return which conversations contain a text, in letters of any case."""
    texts = pc.struct_field(turns.flatten(), "text")
    return rows_of_elements(turns, pc.match_substring(texts, word, ignore_case=True))


def as_numpy(mask: pa.BooleanArray) -> NDArray[np.bool_]:
    """Return a mask without nulls as an array of NumPy."""
    values: NDArray[np.bool_] = mask.to_numpy(zero_copy_only=False)
    return values
