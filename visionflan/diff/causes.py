"""Why rows differ between two builds: from their ledgers, manifests and recorded inputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from visionflan.builder.output_dir import read_started
from visionflan.builder.source_fingerprint import BuildFingerprint
from visionflan.catalog import match_tasks
from visionflan.errors import BuildError, UnknownNameError
from visionflan.storage.directory import read_manifest

# The settings that can change a row, or the split of one.
CHANGING = ("seed", "phrasings", "prompt_style")
MOVING = ("seed", "hold_out_images", "hold_out_tasks", "hold_out_official")
ORIGINS = ("decontamination", "subset_of", "combined", "written_from")
UNKNOWN = "no reason is recorded"


class ComparedBuild(NamedTuple):
    """One of the two builds.

    Attributes:
        label: what messages call it: `A` or `B`.
        path: its directory.
        manifest: its manifest.
        inputs: what it was built from; None if that is not recorded, as in an import.
    """

    label: str
    path: Path
    manifest: dict[str, Any]
    inputs: BuildFingerprint | None

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the manifest's entries of tasks."""
        tasks: dict[str, dict[str, Any]] = self.manifest["tasks"]
        return tasks

    @property
    def about(self) -> dict[str, Any]:
        """Return what the manifest says of the origin; an import may say nothing."""
        about = self.manifest.get("about")
        return about if isinstance(about, dict) else {}

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings, and what else the manifest says of the origin."""
        settings = self.about.get("settings")
        origins = {name: self.about[name] for name in ORIGINS if name in self.about}
        return (settings if isinstance(settings, dict) else {}) | origins


def open_compared(label: str, path: Path) -> ComparedBuild:
    """Open a build to compare; raise BuildError if it is incomplete, damaged or of another format.

    Nothing but its manifest is read yet.
    """
    manifest = read_manifest(path)
    for entry in manifest["tasks"].values():
        counts = [entry.get(name) for name in ("train", "held_out", "written")]
        if not isinstance(entry.get("digest"), str) or not all(isinstance(n, int) for n in counts):
            raise BuildError(f"{path / 'manifest.json'} is damaged: run the same build again")
    return ComparedBuild(label, path, manifest, read_started(path))


def setting_differences(a: ComparedBuild, b: ComparedBuild) -> dict[str, tuple[Any, Any]]:
    """Return both values of each setting that differs."""
    names = sorted(a.settings.keys() | b.settings.keys())
    values = {name: (a.settings.get(name), b.settings.get(name)) for name in names}
    return {name: pair for name, pair in values.items() if pair[0] != pair[1]}


def input_differences(a: ComparedBuild, b: ComparedBuild) -> list[str]:
    """Return descriptions of the inputs besides settings that differ, as far as known."""
    differences = []
    versions = [build.manifest.get("versions", {}).get("visionflan") for build in (a, b)]
    if versions[0] != versions[1]:
        differences.append(f"the version of visionflan ({versions[0]} and {versions[1]})")
    if a.inputs is not None and b.inputs is not None:
        differences += b.inputs.changes_since(a.inputs)
    return differences


def differences_of(dataset: str, a: ComparedBuild, b: ComparedBuild) -> list[str]:
    """Return the inputs that differ and on which the rows of a dataset depend."""
    own = {f"the release {dataset}", f"the dataset file {dataset}", f"the tasks of {dataset}"}
    return [
        name
        for name in input_differences(a, b)
        if name in own or name.startswith(("the code", "the version"))
    ]


def absence_reasons(
    task: str, ids: pa.StringArray, there: ComparedBuild, missing: ComparedBuild
) -> dict[str, int]:
    """Return why rows of a task that one build has are missing in the other, with their numbers."""
    reasons = ledger_reasons(missing, task, ids)
    if rest := len(ids) - sum(reasons.values()):
        reasons[unrecorded_reason(task, there, missing)] = rest
    return reasons


def ledger_reasons(build: ComparedBuild, task: str, ids: pa.StringArray) -> dict[str, int]:
    """Return the number of rows that a build dropped, by the reason in its ledger."""
    path = build.path / "ledger.parquet"
    expression = (pc.field("task") == task) & (pc.field("kind") == "dropped")
    try:
        ledger = pq.read_table(path, columns=["key", "reason"], filters=expression)
    except (pa.ArrowException, OSError) as error:
        raise BuildError(f"{path} is damaged ({error}): build it again") from error
    keys = pc.utf8_slice_codeunits(ids, len(task) + 1)
    entries = pc.index_in(keys, value_set=ledger["key"].combine_chunks()).drop_null()
    counts = pc.value_counts(ledger["reason"].take(entries)).to_pylist()
    return {
        f"dropped from {build.label} as {entry['values']}": entry["counts"]
        for entry in sorted(counts, key=lambda entry: (-entry["counts"], entry["values"]))
    }


def unrecorded_reason(task: str, there: ComparedBuild, missing: ComparedBuild) -> str:
    """Return why a build lacks rows of a task that its ledger does not have either."""
    entry, other = missing.tasks[task], there.tasks[task]
    if entry.get("over_cap"):
        usable = entry["written"] + entry["over_cap"]
        return (
            f"beyond the maximum per task of {missing.label}, which sampled {entry['written']:,} "
            f"of {usable:,}"
        )
    dataset = str(entry.get("dataset", ""))
    if differences := differences_of(dataset, there, missing):
        return f"not read for {missing.label}: {' and '.join(differences)} changed"
    if entry.get("rows_read") != other.get("rows_read"):
        return (
            f"not among the rows that {missing.label} was built from, {entry.get('rows_read')} "
            f"({there.label}: {other.get('rows_read')})"
        )
    return UNKNOWN


def task_absence(task: str, missing: ComparedBuild) -> str:
    """Return why a build does not have a task at all."""
    dataset = task.partition("/")[0]
    if message := missing.about.get("excluded_tasks", {}).get(task):
        return f"{missing.label} does not build it: {message}"
    entry = missing.manifest["datasets"].get(dataset)
    if entry is not None and entry["status"] != "built":
        return f"{dataset} is {entry['status']} in {missing.label}: {entry.get('message', '')}"
    patterns = missing.settings.get("tasks")
    if patterns and not is_selected(task, patterns):
        return f"not among the tasks of {missing.label}"
    if "subset_of" in missing.about:
        return f"{missing.label} is a part of another build, without this task"
    if entry is None:
        return f"{missing.label} does not have the dataset {dataset}"
    return f"{missing.label} was built with a catalog that does not have it"


def is_selected(task: str, patterns: list[str]) -> bool:
    """Return whether any pattern of `--tasks` matches a task."""
    for pattern in patterns:
        try:
            match_tasks([pattern], [task])
        except UnknownNameError:
            continue
        return True
    return False


def change_causes(
    dataset: str, names: tuple[str, ...], a: ComparedBuild, b: ComparedBuild
) -> Iterator[str]:
    """Yield what differs between two builds and can change a row, given the settings that can."""
    yield from (name for name in names if name in setting_differences(a, b))
    yield from differences_of(dataset, a, b)
