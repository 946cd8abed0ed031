"""The studies, one file each, imported on demand."""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from visionflan.analysis.study import Study
from visionflan.catalog import unknown_name_error
from visionflan.errors import DefinitionError
from visionflan.plugins import PluginKind, load_each, locate

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
        raise unknown_name_error("study", name, names())
    study: object = getattr(STUDIES.import_module(name), "study", None)
    if not isinstance(study, Study):
        raise DefinitionError(f"the file of the study {name} must define one `study`")
    return study


def load_file(path: Path) -> Study:
    """Return the study of a loose file."""
    if not path.is_file():
        raise DefinitionError(f"there is no file {path}: name a study, or a file that defines one")
    spec = importlib.util.spec_from_file_location(f"visionflan_study_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise DefinitionError(f"{locate(error, path)}") from error
    study: object = getattr(module, "study", None)
    if not isinstance(study, Study):
        raise DefinitionError(f"{path} must define one `study`")
    return study


def load_all() -> Iterator[tuple[str, Study]]:
    """Yield every study with its name; a broken one is left out with a warning."""
    yield from load_each(names(), load)
