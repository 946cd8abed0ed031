"""Document frequencies of a task's references, stored so that every checkpoint is scored alike.

They are counted over all held-out items of a task, whichever part of them is evaluated.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from visionflan.atomic_write import atomic_path
from visionflan.evaluate.metric import DocumentFrequencies
from visionflan.evaluate.metrics.caption_tokenizer import caption_ngrams
from visionflan.evaluate.records.files import DOCUMENT_FREQUENCIES


def count_document_frequencies(documents: Iterable[Sequence[str]]) -> DocumentFrequencies:
    """Count in how many documents each n-gram occurs; a document is the references of one item."""
    counts: Counter[tuple[str, ...]] = Counter()
    total = 0
    for references in documents:
        total += 1
        counts.update({ngram for text in references for ngram in caption_ngrams(text)})
    return DocumentFrequencies(total, counts)


def write_frequencies(directory: Path, references: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Count and store the document frequencies of some tasks; those of other tasks are kept.

    `references` has, for each task, the references of each item.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    new = {task: count_document_frequencies(items) for task, items in references.items()}
    if not new:
        return
    rows = [
        {"task": task, "documents": known.documents, "ngram": " ".join(ngram), "count": count}
        for task, known in sorted((read_frequencies(directory) | new).items())
        for ngram, count in sorted(known.counts.items())
    ]
    types = {
        "task": pa.string(),
        "documents": pa.int64(),
        "ngram": pa.string(),
        "count": pa.int64(),
    }
    with atomic_path(directory / DOCUMENT_FREQUENCIES) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(types)), temporary)


def read_frequencies(directory: Path) -> dict[str, DocumentFrequencies]:
    """Return the stored document frequencies by task."""
    import pyarrow.parquet as pq

    if not (directory / DOCUMENT_FREQUENCIES).is_file():
        return {}
    counts: dict[str, dict[tuple[str, ...], int]] = {}
    documents: dict[str, int] = {}
    for row in pq.ParquetFile(directory / DOCUMENT_FREQUENCIES).read().to_pylist():
        counts.setdefault(row["task"], {})[tuple(row["ngram"].split(" "))] = row["count"]
        documents[row["task"]] = row["documents"]
    return {task: DocumentFrequencies(documents[task], counts[task]) for task in counts}
