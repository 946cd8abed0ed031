"""Read from the manifests of builds what these were decontaminated against."""

from collections.abc import Mapping, Sequence
from typing import Any

from visionflan.storage.directory import BuildDirectory


def decontaminated_against(build: BuildDirectory) -> list[str]:
    """Return the names of the benchmarks and folders that a build was compared with.

    Those whose overlaps were only reported are marked so.
    """
    record = decontamination_record(build)
    mark = " (only reported)" if record.get("report_only") else ""
    return [f"{one['name']}{mark}" for one in record.get("against", ())]


def decontamination_note(builds: Sequence[BuildDirectory], name: str, digest: str) -> str:
    """Return in one line which of the training builds have nothing of a benchmark.

    Args:
        builds: All builds that a checkpoint was trained on.
        name: The name of the benchmark.
        digest: The digest of its release; a build may have been compared with another one.
    """
    by_state: dict[str, list[str]] = {}
    for build in builds:
        by_state.setdefault(state_of(build, name, digest), []).append(build.path.name)
    clauses = (f"{' and '.join(names)}: {state}" for state, names in by_state.items())
    return f"training data, {'; '.join(clauses)}"


def state_of(build: BuildDirectory, name: str, digest: str) -> str:
    """Return what is known about a build and a benchmark, to be read after the build's name."""
    record = decontamination_record(build)
    digests = {one["name"]: one["digest"] for one in record.get("against", ())}
    if name not in digests:
        return f"no record of decontamination against {name}"
    files = "" if digests[name] == digest else "other files of "
    if record.get("report_only"):
        return f"only compared with {files}{name}, nothing was removed"
    return f"decontaminated against {files}{name}"


def decontamination_record(build: BuildDirectory) -> Mapping[str, Any]:
    """Return what the manifest of a build says of its decontamination; empty if nothing."""
    about = build.manifest.get("about")
    record = about.get("decontamination") if isinstance(about, dict) else None
    return record if isinstance(record, dict) else {}
