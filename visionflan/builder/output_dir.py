"""The output directory of a build: lock it, resume or refuse it, and remove stale files."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.builder.image_store import CHECKED_FILES
from visionflan.builder.parts import PARTS_DIR
from visionflan.builder.source_fingerprint import BuildFingerprint
from visionflan.errors import BuildError
from visionflan.storage.stored_json import is_whole_manifest, load_object

STARTED, LOCK = f"{PARTS_DIR}/started.json", f"{PARTS_DIR}/lock"
# The mark of a directory that is written at once, such as an import, and not resumed.
WRITER_MARK = f"{PARTS_DIR}/directory-writer.json"
FINISHED_OR_RESUMED = ("manifest.json", STARTED)  # a build's files, which no writer deletes
LOCK_AND_MARK = ("lock", "directory-writer.json", ".directory-writer.json.tmp")


@contextmanager
def lock_output_dir(out: Path) -> Iterator[None]:
    """Lock a build directory for this process; the lock ends with the process, however it ends.

    Worker processes, which may outlive it for a moment, do not inherit the lock.
    """
    if not is_empty(out) and not (out / PARTS_DIR).is_dir():
        raise not_a_build(out)
    with lock_parts(out):
        if (out / WRITER_MARK).exists():
            raise BuildError(
                f"{out} contains an import that was interrupted: delete it or choose another --out"
            )
        yield


@contextmanager
def lock_new_dir(out: Path) -> Iterator[None]:
    """Lock a directory that is written at once; if that fails, remove all that was written.

    The directory must be empty or contain what an interrupted writer left, which is deleted.
    """
    existed = out.exists()
    if not is_empty(out) and not is_left_by_writer(out):
        content = "already contains a build" if (out / "manifest.json").exists() else "is not empty"
        raise BuildError(f"{out} {content}: choose a new directory")
    with lock_parts(out):
        write_json(out / WRITER_MARK, {})
        remove_written(out)
        try:
            yield
        except BaseException:
            remove_written(out)
            shutil.rmtree(out / PARTS_DIR)
            if not existed:
                out.rmdir()
            raise
        shutil.rmtree(out / PARTS_DIR)


def is_empty(out: Path) -> bool:
    """Return whether a path does not exist or is an empty directory."""
    return not out.exists() or (out.is_dir() and not any(out.iterdir()))


def is_left_by_writer(out: Path) -> bool:
    """Return whether a directory contains only what an interrupted writer left, and no build."""
    if not (out / PARTS_DIR).is_dir() or any((out / name).exists() for name in FINISHED_OR_RESUMED):
        return False
    return (out / WRITER_MARK).is_file() or not any(written_paths(out))


@contextmanager
def lock_parts(out: Path) -> Iterator[None]:
    """Create the directory of the parts and lock it."""
    (out / PARTS_DIR).mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise BuildError(f"another build is writing to {out}: wait for it to end") from None
        yield


def written_paths(out: Path) -> Iterator[Path]:
    """Yield all that a writer wrote, which is everything except its lock and its mark."""
    parts = out / PARTS_DIR
    excluded = {parts, *(parts / name for name in LOCK_AND_MARK)}
    yield from (path for path in [*out.iterdir(), *parts.iterdir()] if path not in excluded)


def remove_written(out: Path) -> None:
    """Remove all that a writer wrote; the mark stays until nothing else is left."""
    for path in written_paths(out):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def find_finished(
    out: Path, fingerprint: BuildFingerprint, *, update: bool
) -> dict[str, Any] | None:
    """Return the manifest if this build is complete; otherwise prepare the directory for it.

    Raises BuildError if the directory contains a build with other settings, or a complete build of
    other code, dataset files or releases, unless it is to be updated.
    """
    earlier = read_started(out)
    if earlier is None and (out / "manifest.json").exists():
        raise lost_start(out)
    settings = fingerprint.differing_settings(earlier) if earlier is not None else []
    if settings and not update:
        raise BuildError(
            f"{out} was built with other settings ({', '.join(settings)}): use the same settings, "
            "a new --out directory, or --update to change this build"
        )
    if (manifest := whole_manifest(out)) is not None and not failed_datasets(manifest):
        changes = fingerprint.changes_since(earlier) if earlier is not None else []
        if changes and not update:
            raise BuildError(
                f"{' and '.join(changes)} changed since {out} was built: use a new --out "
                "directory, or --update to build again what changed"
            )
        if not (changes or settings):
            remove_stale_files(out, manifest)
            return manifest
    (out / "manifest.json").unlink(missing_ok=True)
    write_json(out / STARTED, fingerprint.as_json())
    return None


def whole_manifest(out: Path) -> dict[str, Any] | None:
    """Return the manifest of a complete build; None if there is none, or it is damaged."""
    if not (out / "manifest.json").is_file():
        return None
    manifest = load_object(out / "manifest.json")
    return manifest if manifest is not None and is_whole_manifest(manifest) else None


def lost_start(out: Path) -> BuildError:
    """Return the error for a complete build of which nothing says what it was built from."""
    if not (out / STARTED).exists():
        return not_a_build(out)
    return BuildError(
        f"{out / STARTED} is damaged and no longer says what was built: use a new --out "
        "directory or delete this one"
    )


def not_a_build(out: Path) -> BuildError:
    """Return the error for a directory that contains something else."""
    return BuildError(f"{out} is not empty and is not a build directory: choose another --out")


def read_started(out: Path) -> BuildFingerprint | None:
    """Return the fingerprint of the build that was started in a directory, if any can be read.

    Without it a build goes on: each part records the digest of what it was built from.
    """
    if not (out / STARTED).is_file():
        return None
    try:
        return BuildFingerprint.from_json(load_object(out / STARTED) or {})
    except (KeyError, TypeError, AttributeError):
        return None


def failed_datasets(manifest: dict[str, Any]) -> list[str]:
    """Return the names of the datasets that could not be read."""
    datasets = manifest["datasets"]
    return [name for name in datasets if datasets[name]["status"] == "failed"]


def remove_stale_copies(out: Path, digest: str) -> None:
    """Remove the memory-mapped copies of the instances that a build had before an update."""
    for path in (out / ".cache").glob("*"):
        if path.name != digest:
            shutil.rmtree(path, ignore_errors=True)


def remove_stale_files(out: Path, manifest: dict[str, Any]) -> None:
    """Remove files of earlier runs; what the parts need to be resumed, but not to be reused."""
    for path in [*out.glob("images/*"), *out.glob("instances/*")]:
        if str(path.relative_to(out)) not in manifest["files"]:
            path.unlink()
    remove_stale_copies(out, manifest["digest"])
    for path in (out / PARTS_DIR).iterdir():
        status = manifest["datasets"].get(path.name, {}).get("status")
        if path.is_dir() and status not in ("built", "failed"):
            shutil.rmtree(path)
    if not failed_datasets(manifest):
        for path in (out / PARTS_DIR).glob(f"*/{CHECKED_FILES}"):
            path.unlink()
