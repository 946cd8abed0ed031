"""Conceptual Captions: tokens joined again, a table with and without a header, the mirror."""

import io
import tarfile
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import conceptual_captions as captions
from visionflan.errors import ReleaseError
from visionflan.image_sources import ArchiveMember
from visionflan.layouts.detokenize import join_tokens


@pytest.mark.parametrize(
    ("tokens", "written"),
    [
        ("actor arrives at the premiere .", "actor arrives at the premiere."),
        ("person 's dog , which is n't wet ( yet ) !", "person's dog, which isn't wet (yet)!"),
        ("a 5 . 6 liter engine", "a 5. 6 liter engine"),
        ("film .com premiere", "film .com premiere"),
    ],
)
def test_the_tokens_of_a_caption_are_joined(tokens: str, written: str) -> None:
    assert join_tokens(tokens) == written


def test_rows_are_counted_from_the_first_one_with_or_without_a_header(tmp_path: Path) -> None:
    for table, header in zip(captions.TABLES, ("caption\turl\n", ""), strict=True):
        content = f"{header}a\thttp://x/a\nb\nc\0\thttp://x/c\n"
        (tmp_path / table).write_text(content, encoding="utf-8")
    first, broken, zeroed, other, *_ = captions.read(tmp_path)
    assert not isinstance(first, BrokenRow)
    assert (first.caption, first.image) == (
        "a",
        tmp_path / "images" / "Train_GCC-training" / "00000" / "000000000.jpg",
    )
    assert isinstance(broken, BrokenRow)
    assert isinstance(zeroed, BrokenRow)
    assert zeroed.detail.endswith("zero bytes")
    assert other.key == "Validation_GCC-1.1.0-Validation/0"


def test_the_mirror_gives_each_image_the_text_next_to_it(tmp_path: Path) -> None:
    archive = tmp_path / "cc3m-train-0000.tar"
    with tarfile.open(archive, "w") as members:
        for name, content in (("000000007.jpg", b"\xff\xd8"), ("000000007.txt", b"a cat")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    (row,) = captions.read(tmp_path)
    assert row == captions.Row(
        "cc3m-train-0000/000000007", ArchiveMember(archive, "000000007.jpg"), "a cat"
    )


def test_a_mirror_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cc3m-train-0000.tar").write_bytes(b"torn" * 300)
    with pytest.raises(ReleaseError, match=r"cc3m-train-0000\.tar"):
        list(captions.read(tmp_path))
