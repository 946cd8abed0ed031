"""Check that the ledger of a build has the rows that the manifest counts."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.plural import counted
from visionflan.verify.damage import Damage

LEDGER = "ledger.parquet"
COLUMNS = ["task", "kind", "reason"]
FIELDS = {"dropped": "dropped", "note": "notes"}  # of the manifest, by kind

Entries = Counter[tuple[str, str, str]]


def check_ledger(path: Path, manifest: dict[str, Any]) -> Iterator[Damage]:
    """Yield the tasks and reasons of which the ledger and the manifest have other numbers.

    Rows that could not be read belong to the task `DATASET/*`, and are counted by dataset; after
    several builds were combined they are not, since these may have read the same dataset.
    """
    try:
        entries = count_entries(path / LEDGER)
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Damage(LEDGER, f"it is not readable as Parquet ({error})")
        return
    for task, entry in manifest["tasks"].items():
        for kind, name in FIELDS.items():
            yield from differences(entries, task, kind, entry.get(name, {}))
    about = manifest.get("about")
    if isinstance(about, dict) and "combined" not in about:
        for dataset, entry in manifest["datasets"].items():
            yield from differences(entries, f"{dataset}/*", "dropped", entry.get("broken", {}))


def count_entries(file: Path) -> Entries:
    """Return the number of lines of a ledger by task, kind and reason."""
    counts: Entries = Counter()
    with pq.ParquetFile(file) as ledger:
        for batch in ledger.iter_batches(columns=COLUMNS):
            groups = pa.Table.from_batches([batch]).group_by(COLUMNS).aggregate([([], "count_all")])
            for row in groups.to_pylist():
                counts[row["task"], row["kind"], row["reason"]] += row["count_all"]
    return counts


def differences(
    entries: Entries, task: str, kind: str, recorded: dict[str, int]
) -> Iterator[Damage]:
    """Yield the reasons of which the ledger has another number than the manifest."""
    listed = {reason for name, of_kind, reason in entries if (name, of_kind) == (task, kind)}
    for reason in sorted(listed | recorded.keys()):
        number, expected = entries[task, kind, reason], recorded.get(reason, 0)
        if number != expected:
            yield Damage(
                LEDGER,
                f"{task}: {counted(number, 'line')} with {reason} ({kind}), the manifest has "
                f"{expected:,}",
            )
