"""Build, export and import instruction tuning data from Python."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionflan.builder.plan import BuildSettings
    from visionflan.storage.directory import BuildDirectory

from visionflan.api.arguments import Log, PathLike, no_log
from visionflan.errors import BuildError


def run_build(  # noqa: PLR0913 - all but two have defaults
    data_root: PathLike,
    out: PathLike,
    settings: "BuildSettings | None" = None,
    *,
    workers: int | None = None,
    log: Log = no_log,
    update: bool = False,
    ray_address: str | None = None,
) -> "BuildDirectory":
    """Build an instruction tuning set from the releases under a data root.

    Args:
        data_root: Directory with one subdirectory per dataset, named as in `visionflan datasets`,
            or its URL in a store.
        out: The build directory to write; an interrupted build is resumed.
        settings: Tasks, sampling, hold-out and licenses; the defaults build everything.
        workers: Number of datasets that are built at the same time, or of processes that check the
            images of a single one; one per core by default.
        log: Called with a line for each dataset that is done.
        update: Whether to change a complete build: only what is new or changed is built again.
        ray_address: Builds on a Ray cluster: `local`, `auto`, `HOST:PORT` or `ray://HOST:PORT`.

    Returns:
        The finished build.

    Raises:
        BuildError: If nothing is built, or `out` contains something else.

    Examples:
        >>> from visionflan import BuildSettings, catalog, run_build
        >>> for name in ("caltech101", "iconqa"):
        ...     catalog.load(name).write_specimen(Path("releases") / name, 12)
        >>> build = run_build("releases", "build", BuildSettings(hold_out_images=0.25))
        >>> sorted({task.partition("/")[0] for task in build.tasks})
        ['caltech101', 'iconqa']
        >>> len(build.instances("train")) > len(build.instances("held_out")) > 0
        True
    """
    from visionflan.builder.build_request import check_not_empty
    from visionflan.builder.plan import BuildSettings
    from visionflan.builder.run import build
    from visionflan.storage.directory import BuildDirectory
    from visionflan.stores import is_url

    if is_url(str(out)):
        raise BuildError(f"{out} is a URL, and a finished build is opened from a directory")
    manifest = build(
        data_root,
        Path(out),
        settings or BuildSettings(),
        workers=workers,
        log=log,
        update=update,
        ray_address=ray_address,
    )
    check_not_empty(Path(out), manifest)
    return BuildDirectory(Path(out))


def run_export(
    build: "BuildDirectory | PathLike", out: PathLike, format: str, tasks: Iterable[str] = ()
) -> int:
    """Export a build directory to another format.

    Args:
        build: The build directory, or its path.
        out: A new directory.
        format: A name from `visionflan export --help`, such as `llava` or `huggingface`.
        tasks: Export these tasks only.

    Returns:
        The number of instances written.

    Examples:
        >>> from visionflan import run_export
        >>> count = run_export("build", "llava", "llava")
        >>> sorted(path.name for path in Path("llava").glob("*.json"))
        ['dataset_info.json', 'held_out.json', 'train.json']
    """
    from visionflan.formats.exporting import export

    return export(open_build(build), Path(out), format, tuple(tasks))


def run_import(  # noqa: PLR0913 - each keyword is an option of the command
    release: PathLike,
    out: PathLike,
    *,
    images: PathLike | None = None,
    format: str = "",
    name: str = "",
    include_sensitive: bool = False,
    workers: int | None = None,
) -> "BuildDirectory":
    """Import a published instruction tuning set into a build directory.

    Args:
        release: The annotation file, or the directory that contains it; also an export.
        out: The build directory to write.
        images: Directory of the images; by default next to the annotations.
        format: A name from `visionflan import --help`; by default the one that is recognized.
        name: Dataset name of tasks that name none; by default the name of the release.
        include_sensitive: Whether to import tasks about race, gender, age, identity or emotion.
        workers: Number of datasets that are built at the same time, or of processes that check the
            images of a single one; one per core by default.

    Returns:
        The finished build.

    Raises:
        BuildError: If no record can be imported, or `out` contains something.

    Examples:
        >>> from visionflan import run_import
        >>> imported = run_import("llava/train.json", "imported")
        >>> len(imported.instances("train")) == len(build.instances("train"))
        True
    """
    from visionflan.builder.build_request import usable_workers
    from visionflan.formats.importing import find_release, import_release, release_name
    from visionflan.storage.directory import BuildDirectory

    path = Path(release)
    import_release(
        find_release(path, None if images is None else Path(images), format),
        Path(out),
        name=release_name(path, name),
        include_sensitive=include_sensitive,
        workers=usable_workers(workers, str),
    )
    return BuildDirectory(Path(out))


def open_build(build: "BuildDirectory | PathLike") -> "BuildDirectory":
    """Return a build directory, opened if it is given by its path."""
    from visionflan.storage.directory import BuildDirectory

    return build if isinstance(build, BuildDirectory) else BuildDirectory(Path(build))
