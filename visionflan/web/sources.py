"""The data that the pages may show: nothing else can be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visionflan.errors import VisionflanError
from visionflan.web.open_build import OpenBuild
from visionflan.web.token_view import InstanceTokenizer


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What the server was started with.

    Attributes:
        data_root: the directory of the releases; None if examples come from specimens alone.
        builds: the builds, in the order of their numbers in URLs.
        tokenizer: tokenizes instances for a checkpoint; None if tokens are not shown.
        person: who solves tasks blind; empty if nobody does.
        answers: the directory of the answers of all persons.
    """

    data_root: Path | None = None
    builds: Sequence[OpenBuild] = ()
    tokenizer: InstanceTokenizer | None = None
    person: str = ""
    answers: Path = Path("answers")

    def has_release(self, dataset: str) -> bool:
        """Return whether the release of a dataset is in the data root."""
        return self.data_root is not None and (self.data_root / dataset).is_dir()


def open_sources(
    builds: Sequence[Path],
    checkpoint: Path | None = None,
    *,
    data_root: Path | None = None,
    person: str = "",
    answers: Path = Path("answers"),
) -> Sources:
    """Open builds and the tokenizer of a checkpoint; raise if one of them cannot be used.

    Raises VisionflanError for a person whose name is there with other capital letters: reviews take
    both for one person, so the answers have to as well.
    """
    for path in answers.glob("*/") if person else ():
        if path.name != person and path.name.casefold() == person.casefold():
            raise VisionflanError(f"{answers} has the answers of {path.name}: use that name")
    return Sources(
        data_root=data_root,
        builds=[OpenBuild(path) for path in builds],
        tokenizer=None if checkpoint is None else InstanceTokenizer(checkpoint),
        person=person,
        answers=answers,
    )
