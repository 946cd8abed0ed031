"""An image that needs too much memory or time costs itself, within seconds."""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from visionflan.builder import image_workers
from visionflan.builder.image_workers import ImageFault, check_source
from visionflan.builder.memory_limit import memory_limit
from visionflan.errors import UnusableError
from visionflan.image_sources import ArchiveMember, open_archive, read_encoded

MAX_MEMORY, MAX_SECONDS = 2_000, 30  # MB of a process with all that it imports
CHECK = """
import json, sys, time
from pathlib import Path
from visionflan.builder.image_workers import check_batch
from visionflan.image_sources import ArchiveMember

name, _, member = sys.argv[1].partition("!")
begin = time.monotonic()
(outcome,) = check_batch([ArchiveMember(Path(name), member) if member else Path(name)])
# What `getrusage` tells begins with the memory of the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1_000
print(json.dumps([getattr(outcome, "reason", ""), peak, time.monotonic() - begin]))
"""


def lying_zip(path: Path) -> ArchiveMember:
    """Write a member of 64 MB whose headers say 1 kB."""
    true_size = 64 << 20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(true_size))
    content = path.read_bytes()
    packed = struct.pack("<I", true_size)
    assert content.count(packed) == 2
    path.write_bytes(content.replace(packed, struct.pack("<I", 1_000)))
    return ArchiveMember(path, "a.png")


def sparse_tar(path: Path, size: int) -> ArchiveMember:
    """Write a sparse member in the format of GNU tar: nothing but a size."""
    header = bytearray(tarfile.TarInfo("a.png").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:410] = b"%011o\0%011o\0" % (size, 0)
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path.write_bytes(bytes(header) + bytes(1024))
    return ArchiveMember(path, "a.png")


def read_closing(member: ArchiveMember) -> bytes:
    """Read a member and close its archive, which would otherwise stay open."""
    try:
        return read_encoded(member)
    finally:
        open_archive(member.archive, os.getpid()).close()


def test_a_member_that_lies_about_its_size_is_read_in_small_pieces(tmp_path: Path) -> None:
    member = lying_zip(tmp_path / "a.zip")
    tracemalloc.start()
    outcome = check_source(member)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(outcome, ImageFault)
    assert outcome.reason == "image_unreadable"
    assert peak < 8 << 20


def test_a_sparse_member_is_refused_by_its_size(tmp_path: Path) -> None:
    member = sparse_tar(tmp_path / "a.tar", 3 << 30)
    with tarfile.open(member.archive) as archive:
        assert archive.getmember("a.png").size == 3 << 30
    with pytest.raises(UnusableError, match="image_too_large"):
        read_closing(member)
    assert read_closing(sparse_tar(tmp_path / "small.tar", 1000)) == bytes(1000)


def test_a_member_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = sparse_tar(tmp_path / "a.tar", 5000)
    monkeypatch.setattr("visionflan.image_sources.require_size", lambda _: None)
    assert len(read_closing(member)) == 5000
    monkeypatch.undo()
    monkeypatch.setattr("visionflan.image_sources.MAX_BYTES", 4999)
    open_archive.cache_clear()
    with pytest.raises(UnusableError, match="5,000 bytes"):
        read_closing(member)


def test_what_is_allocated_beyond_the_limit_raises_and_later_blocks_do_not() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), memory_limit(200 << 20):
        bytearray(400 << 20)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert len(bytearray(400 << 20)) == 400 << 20


def test_reading_that_needs_too_much_memory_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def gobble(image: object) -> bytes:
        return bytes(800 << 20)

    monkeypatch.setattr(image_workers, "read_encoded", gobble)
    monkeypatch.setattr(image_workers, "DECODE_MEMORY", 200 << 20)
    (outcome,) = image_workers.check_batch([Path("a.png")])
    assert outcome == ImageFault("image_too_large", "reading it needs more memory than the limit")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("webp_11300_RGBA/data/board/a.webp", "image_too_large"),
        ("jpeg_1500_progressive_scans/data/board/a.jpg", "image_too_large"),
        ("zip_member_2_GB_that_says_1_MB/data/board/a.zip!a.png", "image_unreadable"),
        ("tar_sparse_member_3_GB_in_1.5_kB/data/board/a.tar!a.png", "image_too_large"),
    ],
)
def test_a_bomb_costs_itself(shared: Path, image: str, reason: str) -> None:
    bomb = shared / "cases/robust" / image
    command = [sys.executable, "-c", CHECK, str(bomb)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    known_reason, peak, seconds = json.loads(output)
    assert known_reason == reason
    assert peak < MAX_MEMORY
    assert seconds < MAX_SECONDS


def test_the_largest_images_stay_within_the_limit(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    large = Image.new("RGB", (11_000, 11_000), "teal")
    large.save(buffer, "JPEG", progressive=True, subsampling=0, exif=exif)
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    command = [sys.executable, "-c", CHECK, str(tmp_path / "a.jpg")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    reason, peak, _ = json.loads(output)
    assert not reason
    assert peak < MAX_MEMORY
