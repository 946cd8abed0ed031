"""The data that the pages may show: nothing else can be reached."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What the server was started with.

    Attributes:
        data_root: the directory of the releases; None if examples come from specimens alone.
    """

    data_root: Path | None = None

    def has_release(self, dataset: str) -> bool:
        """Return whether the release of a dataset is in the data root."""
        return self.data_root is not None and (self.data_root / dataset).is_dir()
