"""List the members of a tar archive in bounded memory, and say which bytes of it are damaged."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from visionflan.dataset import BrokenRow

MAX_HEADER = 1 << 20  # bytes of a long name or of extended attributes
CHUNK = 1 << 20
END_BLOCKS = 2  # of zero bytes, after the last member
MAX_END = 1 << 20  # bytes; most programs fill up the last 10,240
MAGIC, MAGIC_OFFSET = b"ustar", 257
BLOCK = tarfile.BLOCKSIZE
# What `tarfile` raises for headers that are sound by their checksum and have odd values.
DAMAGE = (tarfile.TarError, ValueError, LookupError, OverflowError, RecursionError)


class TarMember(NamedTuple):
    """A file in an archive: its name, and the bytes of its content."""

    name: str
    offset: int
    size: int


class HeaderStream:
    """A file of which `tarfile` reads headers alone, so that none can fill the memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.name = ""

    def read(self, size: int) -> bytes:
        """Read the bytes of a header."""
        if size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.stream.read(size)

    def seek(self, offset: int) -> int:
        """Move to a position."""
        return self.stream.seek(offset)

    def tell(self) -> int:
        """Return the position."""
        return self.stream.tell()


def is_tar(path: Path) -> bool:
    """Return whether a file begins as an archive that is not compressed."""
    try:
        with path.open("rb") as stream:
            return stream.read(BLOCK)[MAGIC_OFFSET:].startswith(MAGIC)
    except OSError:
        return False


def tar_members(path: Path) -> Iterator[TarMember | BrokenRow]:
    """Yield the files of an archive, and a BrokenRow for each range of bytes that is none.

    After damage it goes on with the next header that is sound, as `ignore_zeros` of `tarfile` does.
    """
    with path.open("rb") as stream:
        size, end = path.stat().st_size, 0
        for member, next_end in sound_headers(stream, size):
            # Zero bytes are no member either: an archive ends with them.
            if member.offset > end:
                yield damaged(path, end, member.offset)
            end = next_end
            if member.isreg() and not member.issparse():
                yield TarMember(member.name, member.offset_data, member.size)
            elif not member.isdir():
                key = f"{path.name}: {member.name}"
                yield BrokenRow(key, "malformed_record", "it is a link or another special file")
        if has_data(stream, end, size):
            yield damaged(path, end, size)
        elif not END_BLOCKS * BLOCK <= size - end <= MAX_END:
            key = f"{path.name}: byte {min(end, size)}"
            yield BrokenRow(
                key, "damaged_archive", "its end is missing or overwritten by zero bytes"
            )


def sound_headers(stream: BinaryIO, size: int) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Yield each member whose header can be read, and where its content ends."""
    offset = 0
    while offset < size:
        stream.seek(offset)
        try:
            archive = tarfile.TarFile(
                fileobj=cast("BinaryIO", HeaderStream(stream)), ignore_zeros=True
            )
            while member := archive.next():
                vars(archive)["members"] = []  # those of a large archive would fill the memory
                if archive.offset <= offset:
                    raise tarfile.ReadError("a member of negative size")
                offset = archive.offset
                yield member, offset
        except DAMAGE:
            # The header that was read last is damaged, so the next one is behind it.
            offset = max(offset + BLOCK, -(-stream.tell() // BLOCK) * BLOCK)
        else:
            return


def has_data(stream: BinaryIO, start: int, end: int) -> bool:
    """Return whether there are bytes other than zero in a range of a file."""
    stream.seek(start)
    while start < end and (chunk := stream.read(min(CHUNK, end - start))):
        if chunk.strip(b"\0"):
            return True
        start += len(chunk)
    return False


def damaged(path: Path, start: int, end: int) -> BrokenRow:
    """Return the row for bytes that are no member."""
    detail = f"bytes {start:,} to {end:,} of {path.name} are no member of the archive"
    return BrokenRow(f"{path.name}: byte {start}", "damaged_archive", detail)
