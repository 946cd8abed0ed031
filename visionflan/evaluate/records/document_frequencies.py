"""Freeze how often words occur in a task's references, so that all checkpoints are judged alike.

Counted over every held-out item of a task, whatever part of them is asked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from visionflan.atomic_write import atomic_path
from visionflan.evaluate.metric import DocumentFrequencies
from visionflan.evaluate.metrics import cider

FREQUENCIES = "frequencies.parquet"


def write_frequencies(folder: Path, references: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Count and keep the runs of words in the references of each captioning task.

    What is there of other tasks stays.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    counted = {task: cider.frequencies(documents) for task, documents in references.items()}
    if not counted:
        return
    rows = [
        {"task": task, "documents": known.documents, "run": " ".join(run), "count": count}
        for task, known in sorted((read_frequencies(folder) | counted).items())
        for run, count in sorted(known.counts.items())
    ]
    kinds = {"task": pa.string(), "documents": pa.int64(), "run": pa.string(), "count": pa.int64()}
    with atomic_path(folder / FREQUENCIES) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), temporary)


def read_frequencies(folder: Path) -> dict[str, DocumentFrequencies]:
    """Read what was frozen; nothing where no task is judged by it."""
    import pyarrow.parquet as pq

    if not (folder / FREQUENCIES).is_file():
        return {}
    counts: dict[str, dict[tuple[str, ...], int]] = {}
    documents: dict[str, int] = {}
    for row in pq.ParquetFile(folder / FREQUENCIES).read().to_pylist():
        counts.setdefault(row["task"], {})[tuple(row["run"].split(" "))] = row["count"]
        documents[row["task"]] = row["documents"]
    return {task: DocumentFrequencies(documents[task], counts[task]) for task in counts}
