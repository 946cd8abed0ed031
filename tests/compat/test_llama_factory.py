"""LLaMA-Factory finds the LLaVA export by its list, and each conversation with its images."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.small_exports import Exports, write_exports

pytest.importorskip("llamafactory")
datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return write_exports(tmp_path_factory.mktemp("exports"))


@pytest.mark.parametrize("name", ["train", "train_multi_image", "held_out", "held_out_multi_image"])
def test_each_file_is_read(exports: Exports, tmp_path: Path, name: str) -> None:
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list

    (attributes,) = get_dataset_list([name], str(exports.llava))
    arguments: Any = Namespace(media_dir=str(exports.llava / "images"))
    convert = get_dataset_converter(attributes.formatting, attributes, arguments)
    file = str(exports.llava / attributes.dataset_name)
    table = datasets.load_dataset(
        "json", data_files=[file], split=attributes.split, cache_dir=str(tmp_path)
    )
    instances = {instance.id: instance for instance in exports.build.instances()}
    assert len(table)
    for row in table:
        instance, read = instances[row["id"]], convert(row)
        turns = [*read["_prompt"], *read["_response"]]
        assert [(turn["role"], turn["content"]) for turn in turns] == list(instance.turns)
        images = read["_images"] or []
        assert [Path(path).read_bytes() for path in images] == list(
            map(exports.build.image, instance.images)
        )
        markers = sum(turn["content"].count("<image>") for turn in turns)
        assert markers == len(images)
