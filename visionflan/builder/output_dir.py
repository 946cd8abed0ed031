"""What may be in the folder of a build, and what is done about it."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.builder.parts import FOLDER
from visionflan.builder.plan import BuildSettings
from visionflan.errors import BuildError

BEGUN, LOCK = f"{FOLDER}/begun.json", f"{FOLDER}/lock"


@contextmanager
def lock_output_dir(out: Path) -> Iterator[None]:
    """Keep other builds out of the folder; the claim ends with the process, however it ends.

    The lock is the process's own: its workers, which may outlive it by a moment, do not share it.
    """
    if out.exists() and not (out / FOLDER).is_dir() and any(out.iterdir()):
        raise BuildError(f"{out} holds something else: choose a new folder with --out")
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise BuildError(f"another build is at work in {out}: wait for it") from None
        yield


def find_finished(out: Path, settings: BuildSettings, source: str) -> dict[str, Any] | None:
    """Make the folder ready for a build; gives the manifest where this build is there already."""
    asked = settings.as_json()
    if read_started(out) is None and (out / "manifest.json").exists():
        raise BuildError(f"{out} holds something else: choose a new folder with --out")
    earlier = read_started(out) or {"settings": asked, "source": source}
    if earlier["settings"] != asked:
        raise BuildError(
            f"{out} holds a build with other settings: choose a new folder with --out, or delete it"
        )
    if (out / "manifest.json").is_file():
        manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
        if not failed_datasets(manifest):
            if earlier["source"] == source:
                remove_stale_files(out, manifest)
                return manifest
            raise BuildError(
                f"{out} was built of a release or a dataset file that has changed since: "
                "choose a new folder with --out, or delete it"
            )
        (out / "manifest.json").unlink()
    write_json(out / BEGUN, {"settings": asked, "source": source})
    return None


def read_started(out: Path) -> dict[str, Any] | None:
    """Read what an earlier run was asked for."""
    if not (out / BEGUN).is_file():
        return None
    earlier: dict[str, Any] = json.loads((out / BEGUN).read_bytes())
    return earlier


def failed_datasets(manifest: dict[str, Any]) -> list[str]:
    """Name the datasets that could not be read."""
    datasets = manifest["datasets"]
    return [name for name in datasets if datasets[name]["status"] == "failed"]


def remove_stale_files(out: Path, manifest: dict[str, Any]) -> None:
    """Remove what runs before left; parts are kept while a dataset is still to be mended."""
    for path in [*out.glob("images/*"), *out.glob("instances/*")]:
        if str(path.relative_to(out)) not in manifest["files"]:
            path.unlink()
    for path in (out / FOLDER).iterdir():
        if path.is_dir() and not failed_datasets(manifest):
            shutil.rmtree(path)
