"""Every defect of a release has a reason in the ledger, and does not stop the build."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.bad_rows import JPEG, PNG, Bad, Ledger, build_with, line, written
from tests.helpers.board import BOARD_FILE, board_image, row_of, write_board
from visionflan import catalog, image_sources
from visionflan.builder import image_workers
from visionflan.builder.ledger_reasons import DROPPED_BY_BUILD
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.usefixtures("board")


def png_header(width: int, height: int) -> bytes:
    """Return the beginning of a PNG whose header claims a size that its data does not have."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND")
    )


def jpeg_of_size(width: int, height: int) -> bytes:
    """Return a JPEG with another size in its header."""
    encoded = board_image(1)
    offset = encoded.index(b"\xff\xc0") + 5
    return encoded[:offset] + struct.pack(">HH", height, width) + encoded[offset + 4 :]


def zipped(content: bytes, name: str) -> Bad:
    """Return a function that writes an archive and a line with its member as the image."""

    def write(root: Path) -> dict[str, Any]:
        (root / f"{len(content)}{name}.zip").write_bytes(content)
        return row_of(0, images=[f"{len(content)}{name}.zip!{name}"])

    return write


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("a.jpg", board_image(3))
    return buffer.getvalue()


def directory(root: Path) -> dict[str, Any]:
    (root / "images/locked").mkdir()
    return row_of(0, images=["images/locked"])


def pipe(root: Path) -> dict[str, Any]:
    os.mkfifo(root / "pipe.jpg")
    return row_of(0, images=["pipe.jpg"])


def zeroed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(200) + content[middle + 200 :]


def tiff(content: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).save(buffer, "TIFF")
    return buffer.getvalue()


BAD: dict[str, tuple[str, Bad]] = {
    "a line that is not JSON": ("malformed_json", lambda _: '{"key": "bad", '),
    "a lone surrogate": ("invalid_utf8", line(text="\ud83d")),
    "no target": ("task_error", lambda _: {"key": "bad", "images": [], "text": "?"}),
    "a number for a target": ("task_error", line(target=7)),
    "an empty target": ("empty_target", line(target=" \n")),
    "an option without its target": (
        "target_not_in_options", line(options=["a", "b"], target="c"),
    ),
    "an option twice": ("repeated_option", line(options=["a", "A"], target="a")),
    "more options than letters": (
        "too_many_options", line(options=[f"o{n}" for n in range(27)], target="o3"),
    ),
    "a marker in the text": ("image_token_in_text", line(text="what is <image>?")),
    "no image": ("no_image", line(images=[])),
    "a missing image": ("image_missing", line(images=["images/none.jpg"])),
    "a directory for an image": ("image_missing", directory),
    "a pipe for an image": ("image_missing", pipe),
    "a name with a zero": ("image_missing", line(images=["images/\0.jpg"])),
    "a name too long": ("image_missing", line(images=["images/" + "x" * 300 + ".jpg"])),
    "a path that climbs out": ("image_outside_root", line(images=["../../secret.jpg"])),
    "a path that climbs out later": (
        "image_outside_root", line(images=["images/../../../secret.jpg"]),
    ),
    "a member that is not there": ("image_missing", zipped(archive(), "b.jpg")),
    "an archive that is none": ("image_unreadable", zipped(b"PK\x03\x04 no archive", "a.jpg")),
    "a cut archive": ("image_unreadable", zipped(archive()[:-30], "a.jpg")),
    "an archive with changed bytes": ("image_unreadable", zipped(zeroed(archive()), "a.jpg")),
    "an image that cannot be computed": ("image_unreadable", line(images=["rows.jsonl#stumble"])),
    "zero bytes": ("image_empty", written("images/z.jpg", b"")),
    "a web page": ("image_is_html", written("images/p.jpg", b"<!DOCTYPE html><html>404</html>")),
    "an SVG drawing": ("image_unsupported", written("images/v.png", b"<svg></svg>")),
    "a document": ("image_unsupported", written("images/d.jpg", b"%PDF-1.4 ...")),
    "noise": ("image_unrecognized", written("images/n.jpg", bytes(range(200, 100, -1)))),
    "a truncated JPEG": ("image_corrupt", written("images/t.jpg", JPEG[:-300])),
    "a JPEG without its end": ("image_corrupt", written("images/e.jpg", JPEG[:-2])),
    "a JPEG with a zeroed block": ("image_corrupt", written("images/b.jpg", zeroed(JPEG))),
    "only the start of a JPEG": ("image_corrupt", written("images/s.jpg", JPEG[:4])),
    "a truncated PNG": ("image_corrupt", written("images/t.png", PNG[:-300])),
    "a PNG without its end": ("image_corrupt", written("images/e.png", PNG[:-12])),
    "a PNG with a zeroed block": ("image_corrupt", written("images/b.png", zeroed(PNG))),
    "a truncated TIFF": ("image_corrupt", written("images/t.tif", tiff(PNG)[:-400])),
    "a PNG of 50,000 x 50,000": (
        "image_too_large", written("images/h.png", png_header(50_000, 50_000)),
    ),
    "a JPEG of 50,000 x 50,000": (
        "image_too_large", written("images/h.jpg", jpeg_of_size(50_000, 50_000)),
    ),
    "an image that needs 3 GB": ("image_too_large", line(images=["rows.jsonl#gobble"])),
    "an image of 201 x 1": ("image_too_thin", written("images/thin.png", png_header(201, 1))),
    "an image that kills its process": (
        "image_crashed_decoder", line(images=["rows.jsonl#die"]),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Build once with all defects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "loose_files", {"board": BOARD_FILE})
        catalog.load.cache_clear()
        defects = {name: bad for name, (_, bad) in BAD.items()}
        directory, entries = build_with(tmp_path_factory.mktemp("bad"), defects)
    assert len(directory.instances()) == 20
    assert all(directory.image(image) for (image,) in directory.instances().column("images"))
    assert len(entries) == len(BAD)
    return entries


@pytest.mark.parametrize("defect", BAD)
def test_a_defect_has_its_reason(ledger: Ledger, defect: str) -> None:
    reason = BAD[defect][0]
    entry = ledger.get(defect) or next(e for key, e in ledger.items() if "rows.jsonl" in key)
    assert entry["reason"] == reason
    assert entry["kind"] == "dropped"
    assert entry["detail"]
    assert "pytest" not in str(entry)
    if reason.startswith("image_") and reason != "image_token_in_text":
        assert entry["file"]


def test_every_reason_is_tried_somewhere() -> None:
    here = {reason for reason, _ in BAD.values()}
    of_builds = {"repeated_key", "duplicate", "image_changed", "unknown_split", "invalid_key"}
    of_builds |= {"unreadable_path", "damaged_name", "benchmark_overlap"}
    of_imports = {
        "malformed_conversation",
        "image_token_mismatch",
        "unsupported_media",
        "sensitive_task",
        "excluded",
        "evaluation_only",
        "remote_image",
        "damaged_archive",
        "preference_data",
        "tool_calls",
        "unread_file",
        "untrained_answer",
    }
    of_readers = {"malformed_record"}
    assert here | of_builds | of_imports | of_readers == set(DROPPED_BY_BUILD)


def test_an_image_that_exceeds_the_time_limit_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_workers, "DECODE_TIMEOUT_S", 1)
    directory, entries = build_with(tmp_path, {"bad": line(images=["rows.jsonl#hang"])})
    assert entries["bad"]["reason"] == "image_crashed_decoder"
    assert len(directory.instances()) == 20


def test_a_file_of_too_many_bytes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_sources, "MAX_BYTES", len(JPEG) - 1)
    outcome = image_workers.check_source(written_file(tmp_path / "a.jpg", JPEG))
    assert isinstance(outcome, image_workers.ImageFault)
    assert outcome.reason == "image_too_large"


def written_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_linked_directory_may_be_outside_the_root(tmp_path: Path) -> None:
    write_board(tmp_path / "elsewhere", [row_of(0)], 1)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/board").symlink_to(tmp_path / "elsewhere")
    settings = BuildSettings(tasks=("board/ask",), hold_out_images=0.0)
    build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    assert len(BuildDirectory(tmp_path / "out").instances()) == 1
