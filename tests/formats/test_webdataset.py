"""Tar archives of samples are read member by member; damage costs the samples that it hits."""

import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.board import board_image
from tests.helpers.llava_release import error_of, import_directory, talk
from visionflan.builder.ledger_reasons import DROPPED
from visionflan.dataset import BrokenRow
from visionflan.formats.base import ConversationRecord
from visionflan.formats.shared import tar_members as members_module
from visionflan.formats.shared.tar_members import TarMember, tar_members
from visionflan.formats.webdataset import find_release, recognize

TALK = json.dumps(talk("<image>\nWhat?", "A board.")).encode()
IMAGES = [board_image(number) for number in range(4)]


def write(path: Path, *members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def texts_of(path: Path) -> tuple[list[list[str]], list[dict[str, Any]]]:
    build, ledger = import_directory(path)
    return [[turn.text for turn in one.turns] for one in build.instances()], ledger


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def test_each_form_of_an_annotation_is_read(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "<image>A?"}, {"role": "assistant", "content": "B"}]
    pairs = [{"user": "C?", "assistant": "D"}, {"user": "E?", "assistant": "F"}]
    energon = talk("<image>G?", "H")["conversations"]
    write(
        tmp_path / "d/00000.tar",
        ("a/0.jpg", IMAGES[0]), ("a/0.json", TALK),
        ("a/1.jpg", IMAGES[1]), ("a/1.json", dump({"messages": chat, "system": "Go."})),
        ("b/0.json", dump({"texts": pairs})), ("b/0.jpg", IMAGES[2]),
        ("b/1.jpg", IMAGES[3]), ("b/1.json", dump(energon)),
        ("c.jpg", IMAGES[0]), ("c.json", dump({"caption": "A cat."})), ("c.txt", b"A cat."),
        ("d.jpg", IMAGES[1]), ("d.txt", b"A dog.\n"),
        ("f.10.jpg", IMAGES[0]), ("f.9.JPG", IMAGES[1]),
        ("f.json", dump(talk("<image><image>?", "Two."))),
    )  # fmt: skip
    texts, ledger = texts_of(tmp_path / "d")
    assert texts == [
        ["<image>\nWhat?", "A board."],
        ["Go.", "<image>A?", "B"],
        ["<image>\nC?", "D", "E?", "F"],
        ["<image>G?", "H"],
        ["<image>", "A cat."],
        ["<image>", "A dog."],
        ["<image><image>?", "Two."],
    ]
    assert not ledger
    *_, last = find_release(tmp_path / "d").conversations()
    assert isinstance(last, ConversationRecord)
    assert [image.name for image in last.images] == [
        "f.9.JPG", "f.10.jpg",
    ]  # fmt: skip


BAD = {
    "malformed_record": [("b.jpg", IMAGES[1])],
    "malformed_json": [("b.jpg", IMAGES[1]), ("b.json", b'{"conversations": [')],
    "malformed_conversation": [("b.jpg", IMAGES[1]), ("b.json", b"7")],
    "invalid_utf8": [("b.jpg", IMAGES[1]), ("b.txt", b"\xff")],
    "image_token_mismatch": [("b.json", TALK)],
    "image_corrupt": [("b.jpg", IMAGES[1][:-300]), ("b.json", TALK)],
    "no_image": [("b.txt", b"The image could not be downloaded.")],
    "unsupported_media": [("b.mp4", b"x"), ("b.json", TALK)],
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_sample_has_its_reason(tmp_path: Path, reason: str) -> None:
    good = [("a.jpg", IMAGES[0]), ("a.json", TALK), ("__meta__.json", b"{}")]
    write(tmp_path / "d/train-0.tar", *good, *BAD[reason])
    texts, ledger = texts_of(tmp_path / "d")
    assert len(texts) == 1
    assert [line["reason"] for line in ledger] == [reason]
    assert reason in DROPPED


def test_members_that_a_build_has_no_place_for_are_named_once(tmp_path: Path) -> None:
    members = [
        (f"{n}{end}", content)
        for n in range(3)
        for end, content in ((".jpg", IMAGES[n]), (".json", TALK), (".cls", b"7"))
    ]
    write(tmp_path / "d/0.tar", *members, ("README", b"x"), ("3.jpg", b""), ("3.jpg", b""))
    texts, ledger = texts_of(tmp_path / "d")
    assert len(texts) == 3
    assert (
        sorted(line["reason"] for line in ledger) == ["columns_left_out"] + ["malformed_record"] * 3
    )


def test_an_archive_of_images_alone_is_no_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "d/images.tar", ("0.jpg", IMAGES[0]))
    assert not recognize(path)
    assert "a tar archive without annotations" in error_of(path, capsys)
    with tarfile.open(tmp_path / "d/a.tar.gz", "w:gz") as archive:
        archive.add(path, "0.json")
    assert "a gzip archive" in error_of(tmp_path / "d/a.tar.gz", capsys)


def test_a_damaged_archive_among_others_is_named(tmp_path: Path) -> None:
    good = [("a.jpg", IMAGES[0]), ("a.json", TALK)]
    for number in range(3):
        write(tmp_path / f"d/train-{number}.tar", *good)
    path = tmp_path / "d/train-0.tar"
    path.write_bytes(bytes(300) + b"x" * 1000)
    (tmp_path / "d/train-1.tar").write_bytes(b"")
    texts, ledger = texts_of(tmp_path / "d")
    assert len(texts) == 1
    assert [line["reason"] for line in ledger] == ["damaged_archive"] * 2


def samples(count: int) -> list[tuple[str, bytes]]:
    return [
        member
        for n in range(count)
        for member in ((f"{'long/' * 30 * (n % 2)}{n}.jpg", IMAGES[n % 4]), (f"{n}.json", TALK))
    ]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1 << 30),
    kind=st.sampled_from(["cut", "bytes", "block", "header", "zeros"]),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_damage_is_named_and_the_members_beside_it_are_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str, form: int
) -> None:
    rng, path = random.Random(seed), tmp_path_factory.getbasetemp() / "damaged.tar"
    write(path, *samples(6), form=form)
    sound = [one for one in tar_members(path) if isinstance(one, TarMember)]
    assert len(sound) == 12
    content, start = bytearray(path.read_bytes()), rng.randrange(path.stat().st_size)
    if kind == "cut":
        del content[start:]
    elif kind == "header":
        start = rng.choice(sound).offset - 512
        content[start + rng.randrange(100)] ^= 0xFF
    else:
        length = {"bytes": 1, "block": 512, "zeros": 2048}[kind]
        length = min(length, len(content) - start)
        content[start : start + length] = (
            bytes(length) if kind == "zeros" else rng.randbytes(length)
        )
    path.write_bytes(content)
    entries = list(tar_members(path))
    lost = set(sound) - set(entries)
    hit = [one for one in lost if one.offset + one.size > start - 2048]
    assert len(hit) == len(lost), "a member before the damage was lost"
    if kind in {"header", "bytes"}:
        assert len(lost) <= 1
    if lost:
        broken = [one for one in entries if isinstance(one, BrokenRow)]
        # Zero bytes over the last members look like the end of an archive.
        is_end = kind == "zeros" and not any(content[start:])
        assert broken or is_end or set(entries) - set(sound)


def test_headers_alone_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.tar", ("0.json", b"x" * 5000), ("n" * 4000 + ".json", b"y"))
    monkeypatch.setattr(members_module, "MAX_HEADER", 1024)
    (member, *broken) = tar_members(path)
    assert isinstance(member, TarMember)
    assert [one.reason for one in broken if isinstance(one, BrokenRow)] == ["damaged_archive"]
