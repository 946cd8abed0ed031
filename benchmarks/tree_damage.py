"""Damage one file or directory of a tree at random, as disks, downloads and people do.

Links are never followed: what is damaged lies in the tree itself, and a file is replaced, not
written into, so that a hard link to a file elsewhere leaves that file as it is.
"""

import gzip
import io
import os
import random
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

Edit = Callable[[bytes, random.Random], bytes]
Damage = Callable[[Path, random.Random], object]

DEPTH = 200
HUGE_LINE = 20_000_000
NAMES = ("{}.bak", ".{}", "a\n{}", " {}", "{}_", "\udcff\udce9{}")  # the last one is not UTF-8
LINES = frozenset({".csv", ".jsonl", ".lst", ".odgt", ".token", ".tsv", ".txt", ".gz", ".zip"})


class Damaged(NamedTuple):
    """What was damaged, relative to the tree, and how."""

    path: str
    damage: str
    is_directory: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.damage}"

    def is_visible(self) -> bool:
        """Return whether a reader can see that something is damaged, and therefore must say it.

        It cannot see what it has no list of: a file or directory that was removed, or replaced by
        an empty one; a file under a name that is not looked for, as many others lie in releases; a
        text cut at the end of a line; and two files of one form whose contents were swapped.
        """
        if self.damage.startswith("swapped"):
            return False
        if self.damage.startswith("renamed"):
            return self.damage in ODD_NAMES and not self.is_directory
        if self.damage in {"truncated", "beheaded"}:
            return Path(self.path).suffix not in LINES
        return self.damage not in (GONE_DIRECTORY if self.is_directory else {"removed"})


def truncated(content: bytes, generator: random.Random) -> bytes:
    """Return the beginning of a file."""
    return content[: generator.randrange(len(content) + 1)]


def beheaded(content: bytes, generator: random.Random) -> bytes:
    """Return the end of a file."""
    return content[generator.randrange(len(content) + 1) :]


def flipped(content: bytes, generator: random.Random) -> bytes:
    """Return a file with up to eight of its bits flipped."""
    changed = bytearray(content)
    for _ in range(min(len(content), 8)):
        changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def zeroed(content: bytes, generator: random.Random) -> bytes:
    """Return a file in which a stretch is zero bytes, as after a power failure."""
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + bytes(end - start) + content[end:]


def repeated(content: bytes, generator: random.Random) -> bytes:
    """Return a file in which a stretch is there twice."""
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    return content[:end] + content[start:]


def recoded(content: bytes, generator: random.Random) -> bytes:
    """Return a text in another encoding than it had, with a letter beyond ASCII."""
    text = content.decode("latin-1") + "\u00e9\n"
    return text.encode(generator.choice(["utf-16", "utf-32", "latin-1", "cp037"]))


EDITS: dict[str, Edit] = {
    "truncated": truncated,
    "beheaded": beheaded,
    "flipped": flipped,
    "zeroed": zeroed,
    "repeated": repeated,
    "recoded": recoded,
    "emptied": lambda content, generator: b"",
    "zero bytes": lambda content, generator: bytes(len(content)),
    "not UTF-8": lambda content, generator: b"\x80\xff\xfe" * 100,
    "web page": lambda content, generator: b"<!DOCTYPE html><html><body>404</body></html>\n",
    "nested": lambda content, generator: b"[" * 100_000,
    "huge integer": lambda content, generator: b'[{"id": ' + b"9" * 5_000 + b"}]",
    "huge line": lambda content, generator: b"x " * (HUGE_LINE // 2),
}


def edited(edit: Edit) -> Damage:
    """Return a damage that edits a file, or a member of an archive, which stays whole itself."""

    def damage(path: Path, generator: random.Random) -> None:
        content = path.read_bytes()
        with suppress(zipfile.BadZipFile, gzip.BadGzipFile, EOFError, OSError, zlib.error):
            if generator.random() < 0.5:
                content = edited_member(content, edit, generator)
                path.unlink()
                path.write_bytes(content)
                return
        path.unlink()
        path.write_bytes(edit(content, generator))

    return damage


def edited_member(content: bytes, edit: Edit, generator: random.Random) -> bytes:
    """Return a compressed file, or an archive, of which a member is edited."""
    if content[:2] == b"\x1f\x8b":
        return gzip.compress(edit(gzip.decompress(content), generator), mtime=0)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        names = old.namelist()
        chosen = generator.choice(names) if names else ""
        for name in names:
            member = old.read(name)
            new.writestr(name, edit(member, generator) if name == chosen else member)
    return changed.getvalue()


def removed(path: Path) -> None:
    """Remove a file or a directory; a link goes, not what it points to."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for child in path.iterdir():
        removed(child)
    path.rmdir()


def replaced(make: Callable[[Path], object]) -> Damage:
    """Return a damage that puts something else in the place of a file or a directory."""

    def damage(path: Path, generator: random.Random) -> None:
        removed(path)
        make(path)

    return damage


def renamed(name: Callable[[str], str]) -> Damage:
    """Return a damage that renames a file or a directory."""

    def damage(path: Path, generator: random.Random) -> None:
        path.rename(path.with_name(name(path.name)))

    return damage


def copied_name(path: Path, generator: random.Random) -> None:
    """Add a file, or an empty directory, whose name is not UTF-8 beside a path."""
    beside = Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff" + os.fsencode(path.name)))
    if path.is_dir():
        beside.mkdir(exist_ok=True)
    else:
        beside.write_bytes(path.read_bytes())


def locked(path: Path, generator: random.Random) -> None:
    """Remove all rights to a file or a directory."""
    path.chmod(0)


def loop_beside(path: Path, generator: random.Random) -> None:
    """Add a link that points at itself, or one to the directory that contains it."""
    link = path.parent / f"{path.stem}_link{path.suffix}"
    if not link.is_symlink():
        link.symlink_to(generator.choice([link.name, "."]))


def deep(path: Path) -> None:
    """Make a deep tree of directories."""
    path.joinpath(*["d"] * DEPTH).mkdir(parents=True)


ANY: dict[str, Damage] = {
    "removed": replaced(lambda path: None),
    "pipe": replaced(os.mkfifo),
    "loop": replaced(lambda path: path.symlink_to(path.name)),
    "link to its directory": replaced(lambda path: path.symlink_to(".")),
    "device": replaced(lambda path: path.symlink_to("/dev/zero")),
    "deep": replaced(deep),
    **{f"renamed {name!a}": renamed(name.format) for name in NAMES},
    "name not UTF-8": copied_name,
    "locked": locked,
    "loop beside": loop_beside,
}
FILES: dict[str, Damage] = {
    **{name: edited(edit) for name, edit in EDITS.items()},
    **ANY,
    "directory": replaced(Path.mkdir),
}
DIRECTORIES: dict[str, Damage] = {
    **ANY,
    "empty directory": replaced(Path.mkdir),
    "file": replaced(Path.touch),
}

GONE_DIRECTORY = frozenset({"removed", "deep", "empty directory", "file"})
# A file with such a name in a directory that is read is named by the build, unless it is an image.
ODD_NAMES = frozenset(f"renamed {name!a}" for name in NAMES if not name.isprintable())


def swapped(first: Path, second: Path) -> None:
    """Swap the contents of two files."""
    contents = first.read_bytes(), second.read_bytes()
    for path, content in zip((second, first), contents, strict=True):
        path.unlink()
        path.write_bytes(content)


def damage_tree(root: Path, generator: random.Random) -> Damaged:
    """Damage one file or directory of a tree; annotations as often as images."""
    files, directories = contents(root)
    images = [path for path in files if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".ppm"}]
    others = sorted({*files} - {*images})
    kind = generator.random()
    is_directory = kind < 0.15 and bool(directories)
    if is_directory:
        path = generator.choice(directories)
        name = generator.choice(sorted(DIRECTORIES))
        DIRECTORIES[name](path, generator)
    elif kind < 0.2 and len(files) > 1:
        path, second = generator.sample(files, 2)
        name = f"swapped with {second.relative_to(root)}"
        swapped(path, second)
    else:
        path = generator.choice(others if others and (kind < 0.8 or not images) else images)
        name = generator.choice(sorted(FILES))
        FILES[name](path, generator)
    return Damaged(f"{path.relative_to(root)}", name, is_directory)


def contents(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the directories in a tree, without links."""
    files, directories = [], []
    for parent, inner, names in os.walk(root):
        directories += [Path(parent, name) for name in inner]
        files += [Path(parent, name) for name in names]
    return (
        sorted(path for path in files if path.is_file() and not path.is_symlink()),
        sorted(path for path in directories if not path.is_symlink()),
    )
