"""Stand in for an object store, in the memory of this process, that tests put out of order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from visionflan.stores.patience import Patience

CALLS = ("ls", "find", "cat_file", "get_file", "put_file", "pipe_file", "rm_file")


class FaultyStore(MemoryFileSystem):  # type: ignore[misc]
    """A store at `faulty://`.

    Attributes:
        before: is called before each operation with its name and its path; what it raises is the
            fault.
        calls: the operations so far.
    """

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    before: ClassVar[Callable[[str, str], object]]
    calls: ClassVar[list[tuple[str, str]]]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("faulty://", "memory://"))
        return stripped

    @classmethod
    def contents(cls, root: str = "") -> dict[str, bytes]:
        """Return the content of each file below a directory."""
        start = f"/{root}/" if root else "/"
        files = cls.store.items()
        return {k.removeprefix(start): f.getvalue() for k, f in files if k.startswith(start)}


def with_fault(name: str) -> Callable[..., Any]:
    """Return a method of the store that may fail first."""

    def method(self: FaultyStore, path: str, *args: Any, **kwargs: Any) -> Any:
        # Of `put_file` the second argument is the path in the store.
        where = str(args[0] if name == "put_file" else path)
        FaultyStore.calls.append((name, where))
        FaultyStore.before(name, where)
        return getattr(MemoryFileSystem, name)(self, path, *args, **kwargs)

    return method


for call in CALLS:
    setattr(FaultyStore, call, with_fault(call))


@contextmanager
def faulty_store() -> Iterator[type[FaultyStore]]:
    """Offer an empty store without any fault, whose users do not wait."""
    fsspec.register_implementation("faulty", FaultyStore, clobber=True)
    FaultyStore.store.clear()
    FaultyStore.pseudo_dirs[:] = [""]
    FaultyStore.before, FaultyStore.calls = staticmethod(lambda name, path: None), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Patience, "wait", lambda self, seconds: None)
        yield FaultyStore


class Outage:
    """The fault of a store that is out of order for some operations."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, name: str, path: str) -> None:
        """Fail, while the outage lasts."""
        if self.left:
            self.left -= 1
            raise ConnectionError("503 Slow Down")
