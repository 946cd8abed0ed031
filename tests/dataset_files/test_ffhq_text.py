"""FFHQ-Text: nine descriptions of a face, of which each has a line."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.ffhq_text import Row, dataset, text_to_face_generation
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_text

NINE = tuple(f"This woman has {number} freckles." for number in range(9))


def test_text_and_image_share_their_name(tmp_path: Path) -> None:
    main = tmp_path / "FFHQ-Text"
    write_text(main / "Text" / "00936.txt", "\r\n".join([*NINE, " ", ""]))
    (main / "Text" / "00937.txt").write_bytes(b"caf\xe9")
    (main / "Image").mkdir()
    row, broken = dataset.read(tmp_path)
    assert row == Row("00936", main / "Image" / "00936.png", NINE)
    assert isinstance(broken, BrokenRow)


def test_a_directory_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "images").mkdir()
    with pytest.raises(ReleaseError, match="text contains no TXT file"):
        list(dataset.read(tmp_path))


def test_the_task_wants_all_nine_and_is_sensitive() -> None:
    row = Row("00936", Path("00936.png"), NINE)
    example = text_to_face_generation(row)
    assert example is not None
    assert example.target.splitlines()[8] == "Description 9: This woman has 8 freckles."
    with pytest.raises(UnusableError, match="too_few_captions"):
        text_to_face_generation(row._replace(descriptions=NINE[1:]))
    assert dataset.tasks["text_to_face_generation"].sensitive
