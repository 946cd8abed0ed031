"""ST-VQA: the places in which the pictures are found."""

from pathlib import Path

import pytest

from visionflan.datasets.st_vqa import ANNOTATIONS, dataset
from visionflan.specimens import write_json

ASKED = {"question": "what is written", "answers": ["tokidoki"], "question_id": 1}
NAMED = {"dataset": "coco-text", "file_name": "a.jpg"}


@pytest.mark.parametrize("folder", ["train", "train_imgs", "Images/train", ""])
@pytest.mark.parametrize(
    "fields", [{"file_path": "coco-text/a.jpg"}, {"file_path": "train/coco-text/a.jpg"}, NAMED]
)
def test_images_are_found_where_training_codes_keep_them(
    tmp_path: Path, folder: str, fields: dict[str, str]
) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    write_json(tmp_path / ANNOTATIONS, {"data": [{**ASKED, **fields}]})
    (row,) = dataset.rows(tmp_path)
    assert (row.key, row.image) == ("train/1", tmp_path / folder / "coco-text" / "a.jpg")
