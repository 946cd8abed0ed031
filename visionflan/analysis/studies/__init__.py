"""The studies, one file each, imported on demand."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from visionflan.analysis.study import Study
from visionflan.catalog import import_file, unknown_name_error
from visionflan.errors import DefinitionError
from visionflan.plugins import PluginKind, load_each

STUDIES = PluginKind("study", "visionflan.studies", __name__)


def names() -> list[str]:
    """Return the name of every study without importing any of them."""
    return STUDIES.names()


@cache
def load(name: str) -> Study:
    """Return the study of a name, or of a loose file such as `my_study.py`."""
    if name.endswith(".py"):
        return load_file(Path(name))
    if name not in names():
        file = Path(f"{name}.py")
        hint = f"did you mean the file {file}?" if file.is_file() else "see `visionflan analyze`."
        raise unknown_name_error("study", name, names(), hint)
    study: object = getattr(STUDIES.import_module(name), "study", None)
    if not isinstance(study, Study):
        raise DefinitionError(
            f"the file of the study {name} must define one `study`, as in `study = Study(...)`"
        )
    return study


def load_file(path: Path) -> Study:
    """Return the study of a loose file."""
    if not path.is_file():
        raise DefinitionError(f"there is no file {path}: name a study, or a file that defines one")
    name = f"visionflan_study_{path.stem}"
    module = import_file(name, path)
    del sys.modules[name]  # so that its own steps travel to other processes with their code
    study: object = getattr(module, "study", None)
    if not isinstance(study, Study):
        raise DefinitionError(f"{path} must define one `study`, as in `study = Study(...)`")
    return study


def load_all() -> Iterator[tuple[str, Study]]:
    """Yield every study with its name; a broken one is left out with a warning."""
    yield from load_each(names(), load)
