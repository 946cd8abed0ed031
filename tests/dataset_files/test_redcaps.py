"""RedCaps: captions with the mark of a user's name, and files that hold no posts."""

from pathlib import Path

import pytest

from visionflan.datasets import redcaps
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_json


def test_a_caption_with_the_mark_of_a_user_is_refused() -> None:
    with pytest.raises(UnusableError, match="user_name"):
        redcaps.reddit_caption_2(redcaps.Row("a/b", Path("b.jpg"), "a", "by <usr> of course"))


def test_a_file_without_posts_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "annotations" / "cats_2019.json", [{"image_id": "a"}])
    with pytest.raises(ReleaseError, match=r"cats_2019\.json: it is a list, not an object"):
        list(redcaps.read(tmp_path))
