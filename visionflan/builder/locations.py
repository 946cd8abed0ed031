"""Open the data root and the output of a build, each of which is a directory or in a store."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from visionflan.builder.build_output import BuildOutput, StoredOutput
from visionflan.builder.part_job import Staging
from visionflan.builder.releases import Releases, StoredReleases
from visionflan.errors import BuildError
from visionflan.stores import is_url
from visionflan.stores.file_store import FileStore
from visionflan.stores.scratch import open_scratch


class BuildLocations(NamedTuple):
    """Where the releases of a build are, where it is written, and where temporary copies are."""

    releases: Releases
    output: BuildOutput
    scratch: Path | None

    def staging(self, name: str) -> Staging:
        """Return what the job of a dataset copies from stores, and to them."""
        states = self.releases.states(name) if self.releases.url else {}
        return Staging(self.releases.url, states, self.output.url, self.scratch)


@contextmanager
def open_locations(
    data_root: Path | str, out: Path | str, scratch: Path | None, log: Callable[[str], object]
) -> Iterator[BuildLocations]:
    """Open a data root and an output, by their paths or URLs; messages name the URLs."""
    urls = [str(path) for path in (data_root, out) if is_url(str(path))]
    if not urls:
        yield BuildLocations(Releases(Path(data_root)), BuildOutput(Path(out)), scratch)
        return
    check_apart(*urls)
    with open_scratch(scratch) as directory:
        data, build = directory / "data", directory / "out"
        with naming_urls({data: str(data_root), build: str(out)}):
            releases = (
                StoredReleases(FileStore(str(data_root), log), data)
                if is_url(str(data_root))
                else Releases(Path(data_root))
            )
            output = (
                StoredOutput(FileStore(str(out), log), build)
                if is_url(str(out))
                else BuildOutput(Path(out))
            )
            yield BuildLocations(releases, output, directory)


def check_apart(first: str, second: str = "") -> None:
    """Raise BuildError if one of two URLs is in the other."""
    first, second = f"{first.rstrip('/')}/", f"{second.rstrip('/')}/"
    if first.startswith(second) or second.startswith(first):
        raise BuildError(
            f"one of {first} and {second} is in the other: choose another --out, outside of the "
            "releases"
        )


@contextmanager
def naming_urls(urls: Mapping[Path, str]) -> Iterator[None]:
    """Name URLs, in messages, instead of the directories that stand for them."""
    try:
        yield
    except BuildError as error:
        message = str(error)
        for path, url in urls.items():
            message = message.replace(str(path), url.rstrip("/"))
        raise BuildError(message) from error
