"""Find the format of a release by its files."""

from pathlib import Path

from visionflan import formats
from visionflan.errors import ReleaseError
from visionflan.formats.base import Format
from visionflan.formats.shared.other_forms import describe_unrecognized
from visionflan.plugins import load_each


def recognize(path: Path) -> Format:
    """Return the only format that recognizes a path as its own.

    Raises ReleaseError, which says what the path is, if there is none or more than one.
    """
    loaded = (format_ for _, format_ in load_each(formats.names(), formats.load))
    fitting = [one for one in loaded if one.recognize is not None and one.recognize(path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(one.name for one in fitting)
        raise ReleaseError(f"{path} fits the formats {names}: choose one by --format")
    raise ReleaseError(describe_unrecognized(path))
