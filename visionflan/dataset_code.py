"""Run the code of a dataset file; what fails in it is reported with file, line and row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow, Dataset, Example, Task
from visionflan.errors import DefinitionError, ReleaseError, UnusableError, VisionflanError
from visionflan.image_urls import ImageUrls
from visionflan.plugins import locate


def read_rows(name: str, dataset: Dataset[Any], root: Path) -> Iterator[Any]:
    """Yield the rows of a release, broken ones included; one without a usable key is broken.

    An exception of the reader becomes a ReleaseError that names the line and the last row.
    """
    position = "before the first row"
    try:
        for number, row in enumerate(dataset.read(root), start=1):
            if (problem := key_problem(row)) is not None:
                detail = f"{declared_at(dataset.read)}: the reader yields a {problem}"
                yield BrokenRow(f"number {number}", "invalid_key", detail)
                continue
            check_fields(dataset, row)
            position = f"after the row {row.key}"
            yield row
    except VisionflanError:
        raise
    except OSError as error:
        raise ReleaseError(f"{name}: {error} ({position})") from error
    except MemoryError as error:
        message = f"{name}: reading it needs more memory than there is ({position})"
        raise ReleaseError(message) from error
    except Exception as error:
        raise ReleaseError(
            f"{locate(error, source_file(dataset.read))} ({name}: its reader failed {position}); "
            f"compare {root} with the layout shown by `visionflan datasets {name}`"
        ) from error


def read_image_urls(name: str, dataset: Dataset[Any], root: Path) -> list[ImageUrls]:
    """Return the lists of URLs of a release; raise ReleaseError if it has images itself."""
    if dataset.image_urls is None:
        raise ReleaseError(
            f"{name} is not published as URLs: `visionflan datasets {name}` shows how to obtain it"
        )
    if not root.is_dir():
        raise ReleaseError(f"{root} is not a directory: it must contain the lists of {name}")
    return list(dataset.image_urls(root))


def key_problem(row: Any) -> str | None:
    """Return what is wrong with the key of a row, or None."""
    key = getattr(row, "key", None)
    if isinstance(key, str):
        return None
    what = "has no key" if key is None else f"has the key {key!r}, which is not a string"
    return f"{type(row).__name__} that {what}"


def check_fields(dataset: Dataset[Any], row: Any) -> None:
    """Raise DefinitionError if a row lacks the field of its official split or of its group."""
    for option in ("split_field", "group_field"):
        field = getattr(dataset, option)
        if field and not isinstance(row, BrokenRow) and not hasattr(row, field):
            where, kind = declared_at(dataset.read), type(row).__name__
            raise DefinitionError(f"{where}: {option} is {field!r}, but a {kind} has no such field")


def make_example(task: Task[Any], row: Any) -> Example | None:
    """Return the example that a task makes of a row, or None if the task does not apply.

    Raises UnusableError if the row cannot be used; its reason is `task_error` and its detail names
    the line if the code of the task fails.
    """
    try:
        example: object = task.to_example(row)
    except UnusableError:
        raise
    except Exception as error:
        file = source_file(task.to_example)
        raise UnusableError("task_error", locate(error, file)) from error
    if example is None or isinstance(example, Example):
        return example
    what = f"a task returns an Example or None, not {example!r}"
    raise UnusableError("task_error", f"{declared_at(task.to_example)}: {what}")


def write_specimen(name: str, dataset: Dataset[Any], root: Path, count: int) -> None:
    """Write a miniature release; raise DefinitionError if the code that draws it fails."""
    try:
        dataset.write_specimen(root, count)
    except OSError:
        raise
    except Exception as error:
        file = source_file(dataset.write_specimen)
        raise DefinitionError(f"{locate(error, file)} ({name}: its specimen failed)") from error


def declared_at(function: Any) -> str:
    """Return the file and the first line of a function, as `FILE:LINE`."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def source_file(function: Any) -> Path | None:
    """Return the file of a function, or None for a callable without code."""
    code = getattr(function, "__code__", None)
    return Path(code.co_filename) if code else None
