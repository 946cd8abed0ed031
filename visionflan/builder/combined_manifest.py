"""The manifest of a build that was combined from several."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.builder.assemble import build_digest
from visionflan.builder.dataset_card import SOURCE_LICENSES, add_licenses
from visionflan.builder.decontamination.record import decontamination_record
from visionflan.builder.subset import SPLITS
from visionflan.storage.directory import BuildDirectory

TITLE = "Several builds"
TEXTS = ("title", "license", "terms", "citation")  # of a dataset


def combined_manifest(
    sources: Sequence[BuildDirectory], out: Path, images: pa.Table, groups: NDArray[np.int32]
) -> dict[str, Any]:
    """Return the manifest of a combined build.

    Args:
        sources: the builds, whose `about` is kept as `about.sources`.
        out: the directory with all files but the manifest.
        images: the image table.
        groups: the group of each image.
    """
    manifests = [source.manifest for source in sources]
    tasks = {name: entry for manifest in manifests for name, entry in manifest["tasks"].items()}
    counts = {split: sum(entry[split] for entry in tasks.values()) for split in SPLITS}
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {
        "format": manifests[0]["format"],
        "about": {
            "title": TITLE,
            "combined": [source.digest for source in sources],
            "sources": [manifest["about"] for manifest in manifests],
            **combined_decontamination(sources),
        },
        "datasets": combined_datasets(manifests),
        "tasks": tasks,
        "official_splits": summed(manifest["official_splits"] for manifest in manifests),
        "totals": {
            "instances": sum(counts.values()),
            **counts,
            "images": images.num_rows,
            "image_bytes": pc.sum(images["length"]).as_py() or 0,
            "groups": len(np.unique(groups)),
            "largest_group": int(np.bincount(groups).max()) if len(groups) else 0,
        },
        "files": {str(path.relative_to(out)): path.stat().st_size for path in files},
        "versions": manifests[0]["versions"],
        "digest": build_digest(tasks),
    }


def combined_datasets(manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries of all datasets; of one in several builds, the texts of all of them."""
    datasets: dict[str, dict[str, Any]] = {}
    for manifest in manifests:
        for name, entry in manifest["datasets"].items():
            first = datasets.setdefault(name, dict(entry))
            for field in TEXTS:
                text = str(entry.get(field, ""))
                if text and text not in first.get(field, ""):
                    first[field] = "; ".join(filter(None, (first.get(field), text)))
            if SOURCE_LICENSES in entry:
                first[SOURCE_LICENSES] = add_licenses({}, first.get(SOURCE_LICENSES, {}))
                add_licenses(first[SOURCE_LICENSES], entry[SOURCE_LICENSES])
            if first.get("synthesized") != entry.get("synthesized"):
                first.pop("synthesized", None)  # `about.sources` has that of each
    return datasets


def combined_decontamination(sources: Sequence[BuildDirectory]) -> dict[str, Any]:
    """Return what all sources were decontaminated against alike; empty if nothing."""
    records = [decontamination_record(source) for source in sources]
    common = [
        one
        for one in records[0].get("against", ())
        if all(one in record.get("against", ()) for record in records)
    ]
    if not common:
        return {}
    names = {one["name"] for one in common}
    overlaps = summed(record.get("overlaps", {}) for record in records)
    combined = {
        "against": common,
        "report_only": any(record["report_only"] for record in records),
        "overlaps": {name: counts for name, counts in overlaps.items() if name in names},
    }
    descriptor = records[0].get("descriptor")
    if descriptor and all(record.get("descriptor") == descriptor for record in records):
        combined["descriptor"] = descriptor
    return {"decontamination": combined}


def summed(trees: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of objects whose leaves are counts."""
    total: dict[str, Any] = {}
    for tree in trees:
        for name, value in tree.items():
            if isinstance(value, dict):
                total[name] = summed(iter((total.get(name, {}), value)))
            else:
                total[name] = total.get(name, 0) + value
    return total
