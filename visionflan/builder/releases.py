"""The releases under a data root, which may be in a store: which there are, and their digests."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from visionflan import catalog
from visionflan.builder.source_fingerprint import release_digest
from visionflan.errors import BuildError
from visionflan.stores.file_store import FileStore, StoredFile


class Releases:
    """The releases in a directory.

    Attributes:
        path: the directory.
        url: where the releases are, if that is a store.
    """

    url = ""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links are not followed
        if not self.path.is_dir():
            raise BuildError(
                f"{self.path} is not a directory: it must contain one subdirectory per dataset"
            )

    def digest(self, name: str) -> str:
        """Return a digest of the state of all that the reader of a dataset looks into."""
        states = self.states(name)
        if len(states) == 1:
            return states[name]
        return hashlib.sha256(json.dumps(states).encode()).hexdigest()

    def states(self, name: str) -> dict[str, str]:
        """Return a digest of the release of a dataset, and of each of its neighbors."""
        return {one: self.state(one) for one in (name, *catalog.load(name).neighbors)}

    def state(self, name: str) -> str:
        """Return a digest of the state of one release."""
        return release_digest(self.path / name)


class StoredReleases(Releases):
    """The releases in a store.

    Its directory has what is at the top of the store, as empty files and directories.
    """

    def __init__(self, store: FileStore, path: Path) -> None:
        self.store, self.url = store, store.url
        self.known: dict[str, str] = {}
        path.mkdir()
        for name, is_directory in store.list_top().items():
            (path / name).mkdir() if is_directory else (path / name).touch()
        super().__init__(path)

    def state(self, name: str) -> str:
        """Return a digest of names, sizes and versions of all files of one release."""
        if name not in self.known:
            self.known[name] = state_of(self.store.list_files(name))
        return self.known[name]


def state_of(files: Mapping[str, StoredFile]) -> str:
    """Return a digest of the files that a store lists."""
    digest = hashlib.sha256()
    for name, (size, version) in files.items():
        digest.update(f"{name}\x1f{size}\x1f{version}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
