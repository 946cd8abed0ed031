"""Read which tar archives of a directory are for training, as Megatron-Energon's `.nv-meta` says.

`split.yaml` has the archives of each split, and the archives and samples that are left out; a name
in it may have braces, as `{000..012}` or `{a,b}`, for several archives. `.info.json` names all
archives of the directory, so that one that is gone is noticed.
"""

import re
from collections.abc import Iterable, Iterator
from os.path import lexists
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.formats.shared.annotation_files import file_split
from visionflan.formats.shared.energon_index import DIRECTORY, INFO, SPLITS
from visionflan.formats.shared.yaml_lists import MAX_LIST, load_yaml
from visionflan.layouts import load_json, parse_json
from visionflan.layouts.fields import FieldError, mapping, text_list

BRACES = re.compile(r"\{(?:([0-9]{1,18})\.\.([0-9]{1,18})|([^{},]*(?:,[^{},]*)+))\}")
NOUN = "list of the archives of each split"
REMEDY = "correct it, or remove it to import each archive by its name"


class NameSet:
    """Names of archives or samples, of which some have braces for several."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names, self.patterns = set[str](), list[NamePattern]()
        for name in names:
            if "{" in name:
                self.patterns.append(NamePattern(name))
            else:
                self.names.add(name)

    def __contains__(self, name: str) -> bool:
        """Return whether a name is one of the set."""
        return name in self.names or any(pattern.matches(name) for pattern in self.patterns)


class NamePattern:
    """A name with braces, which stand for the numbers of a range or for one of several words."""

    def __init__(self, name: str) -> None:
        self.ranges: list[tuple[str, str]] = []
        self.expression = re.compile("".join(self.translate(name)))

    def translate(self, name: str) -> Iterator[str]:
        """Yield the parts of a regular expression, with a group for each range."""
        position = 0
        for match in BRACES.finditer(name):
            yield self.literal(name[position : match.start()])
            position = match.end()
            if match[3] is None:
                self.ranges.append((match[1], match[2]))
                yield "([0-9]+)"
            else:
                yield f"(?:{'|'.join(map(re.escape, match[3].split(',')))})"
        yield self.literal(name[position:])

    def literal(self, part: str) -> str:
        """Return the expression of a part without braces."""
        if "{" in part or "}" in part:
            raise FieldError(f"{part!r:.60} has braces other than {{000..012}} and {{a,b}}")
        return re.escape(part)

    def matches(self, name: str) -> bool:
        """Return whether it stands for a name."""
        match = self.expression.fullmatch(name)
        return match is not None and all(map(is_between, match.groups(), self.ranges))


def is_between(digits: str, ends: tuple[str, str]) -> bool:
    """Return whether a number is in a range, with zeros in front as in the ends of the range."""
    padded = any(end.startswith("0") and len(end) > 1 for end in ends)
    width = max(map(len, ends)) if padded else 1
    if len(digits) > max(map(len, ends)) or digits != f"{int(digits):0{width}}":
        return False
    first, last = sorted(map(int, ends))
    return first <= int(digits) <= last


class EnergonSplits:
    """The archives of each split, and the archives and samples (`ARCHIVE/KEY`) to be left out."""

    def __init__(self, content: Any) -> None:
        parts = mapping(content, "split_parts")
        self.parts = {name: NameSet(text_list(parts, name)) for name in parts}
        self.excluded = NameSet(text_list(content, "exclude") if content.get("exclude") else ())

    def left_out(self, name: str) -> BrokenRow | None:
        """Return why an archive is not imported, if it is not.

        The held-out instances of an export are in the split that Energon validates on.
        """
        if name in self.excluded:
            return BrokenRow(name, "excluded", f"{SPLITS} excludes it")
        parts = [part for part, names in self.parts.items() if name in names]
        if not parts:
            detail = f"{SPLITS} puts it in no split: import it by itself"
            return BrokenRow(name, "unread_file", detail)
        others = [part for part in parts if part != "train"]
        if not others or file_split(Path(name)) == "held_out":
            return None
        detail = f"{SPLITS} puts it in the split {others[0]!r:.60}: import it by itself"
        return BrokenRow(name, "unread_file", detail)

    def left_out_sample(self, name: str, key: str) -> BrokenRow | None:
        """Return why a sample of an archive is not imported, if it is not."""
        if f"{name}/{key}" not in self.excluded:
            return None
        return BrokenRow(f"{name}: {key}", "excluded", f"{SPLITS} excludes it")


def read_splits(directory: Path) -> EnergonSplits | None:
    """Return the splits of a directory; None if it has no list of them."""
    metadata = directory / DIRECTORY
    candidates = [metadata / SPLITS, metadata / "split.json"]
    path = next(filter(lexists, candidates), None)
    if path is None:
        return None
    try:
        return EnergonSplits(load_list(path))
    except (FieldError, OSError) as error:
        raise ReleaseError(f"{path} is no {NOUN}: {error}; {REMEDY}") from error


def load_list(path: Path) -> Any:
    """Load a list, which is YAML; where it is JSON, a parser of YAML is not needed."""
    check_file(path)
    try:
        return parse_json(path.read_bytes())
    except (ValueError, RecursionError):
        return load_yaml(path, NOUN)


def check_file(path: Path) -> None:
    """Raise ReleaseError for what is not a file, such as a device, or is too large for a list."""
    if not path.is_file():
        raise ReleaseError(f"{path} is not a file: {REMEDY}")
    if path.stat().st_size > MAX_LIST:
        raise ReleaseError(f"{path} has more than {MAX_LIST:,} bytes: {REMEDY}")


def missing_archives(directory: Path, names: Iterable[str]) -> Iterator[BrokenRow]:
    """Yield a row for each archive that a directory should have and that is not one of the names.

    A list of them that is damaged is such a row itself.
    """
    path = directory / DIRECTORY / INFO
    if not lexists(path):
        return
    try:
        check_file(path)
        counts = mapping(load_json(path), "shard_counts")
    except (ReleaseError, FieldError, OSError) as error:
        yield BrokenRow(f"{DIRECTORY}/{INFO}", "unread_file", f"{error}")
        return
    for name in sorted(counts.keys() - set(names)):
        yield BrokenRow(name, "unread_file", f"{DIRECTORY}/{INFO} lists it, and it is not here")
