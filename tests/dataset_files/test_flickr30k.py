"""Flickr30k: three files that tell the same, and captions whose marks stand apart."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.flickr30k import Row, caption_image, dataset
from visionflan.errors import ReleaseError, UnusableError
from visionflan.layouts.detokenize import join_tokens
from visionflan.specimens import write_json, write_text

WORDS = ("One dog .", "Two dogs .", "A dog runs .", "Dogs play .", "A dog , running .")
ROW = Row("1.jpg", Path("1.jpg"), WORDS)


def test_the_three_files_give_the_same_rows(tmp_path: Path) -> None:
    token, table, splits = (tmp_path / name for name in ("token", "table", "splits"))
    lines = [f"1.jpg#{index}\t{text}\n" for index, text in enumerate(WORDS)]
    write_text(token / "results_20130124.token", "".join(lines))
    bars = [f"1.jpg| {index}| {text}\n" for index, text in enumerate(WORDS)]
    # The last line of a picture lacks a bar, as one of the real file does.
    bars[-1] = f"1.jpg| 4   {WORDS[-1]}\n"
    head = "image_name| comment_number| comment\n"
    write_text(table / "flickr30k_images" / "results.csv", head + "".join(bars))
    (table / "flickr30k_images" / "flickr30k_images").mkdir()
    sentences = [{"raw": text} for text in WORDS]
    images = [{"filename": "1.jpg", "split": "test", "sentences": sentences}]
    write_json(splits / "dataset_flickr30k.json", {"images": images})
    for root, folder, split in (
        (token, "flickr30k-images", ""),
        (table, "flickr30k_images/flickr30k_images", ""),
        (splits, "flickr30k-images", "test"),
    ):
        row = ROW._replace(image=root / folder / "1.jpg", split=split)
        assert list(dataset.read(root)) == [row]


@pytest.mark.parametrize("byte", [b"\xe9", b"\0"])
def test_a_line_that_is_not_utf8_or_has_zero_bytes_is_broken(tmp_path: Path, byte: bytes) -> None:
    lines = [b"1.jpg#0\tA dog .", b"1.jpg#1\tA cat" + byte + b" ."]
    (tmp_path / "results_20130124.token").write_bytes(b"\n".join(lines))
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert row == ROW._replace(image=tmp_path / "flickr30k-images" / "1.jpg", captions=("A dog .",))


def test_a_line_without_caption_is_broken_and_a_file_of_such_lines_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "results_20130124.token"
    write_text(path, "1.jpg\n1.jpg#1\tA dog .\n")
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert "malformed_line" in broken.reason
    assert not isinstance(row, BrokenRow)
    write_text(path, "1.jpg\n")
    with pytest.raises(ReleaseError, match="results_20130124"):
        list(dataset.read(tmp_path))


@pytest.mark.parametrize(
    ("parted", "written"),
    [
        ("Two men , one ( in red ) , talk .", "Two men, one (in red), talk."),
        ('A man \'s shirt reads " go " .', 'A man\'s shirt reads "go".'),
        ('"A" and " b " are n\'t here ...', '"A" and "b" aren\'t here...'),
        ("A .45 pistol", "A .45 pistol"),
    ],
)
def test_marks_are_joined_to_their_words(parted: str, written: str) -> None:
    assert join_tokens(parted) == written


def test_five_captions_are_numbered_in_the_order_of_the_release() -> None:
    example = caption_image(ROW)
    assert example is not None
    assert example.target.splitlines()[0] == "Caption 1: One dog."
    assert example.target.splitlines()[4] == "Caption 5: A dog, running."
    assert example.repaired == ("blank_before_mark",)


def test_a_caption_given_twice_counts_once() -> None:
    with pytest.raises(UnusableError, match="too_few_captions"):
        caption_image(ROW._replace(captions=(*WORDS[:4], "one dog.")))
