"""`datasets` loads each export with its splits, in the version that is installed."""

import io
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from tests.helpers.small_exports import Exports, write_exports
from visionflan.formats.exporting import export
from visionflan.storage.instance import Instance, Split

datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    exports = write_exports(tmp_path_factory.mktemp("exports"))
    for form in ("cauldron", "llama_factory", "swift"):
        export(exports.build, exports.llava.with_name(form), form)
    return exports


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()


def load(directory: Path, config: str, cache: Path) -> dict[Split, list[dict[str, Any]]]:
    """Load an export, which must have both splits."""
    splits = datasets.load_dataset(str(directory), config, cache_dir=str(cache))
    assert list(splits) == list(get_args(Split))
    streamed = datasets.load_dataset(str(directory), config, streaming=True)
    rows: dict[Split, list[dict[str, Any]]] = {split: list(splits[split]) for split in splits}
    for split, table in rows.items():
        assert [row["id"] for row in streamed[split]] == [row["id"] for row in table]
    return rows


def conversation_of(instance: Instance) -> list[dict[str, str]]:
    names = {"user": "human", "assistant": "gpt"}
    return [{"from": names[turn.role], "value": turn.text} for turn in instance.turns]


@pytest.mark.parametrize("form", ["cauldron", "llama_factory", "swift"])
def test_the_rows_of_other_forms_are_loaded(exports: Exports, tmp_path: Path, form: str) -> None:
    for split, rows in load(exports.llava.with_name(form), "default", tmp_path).items():
        instances = {instance.id: instance for instance in exports.build.instances(split)}
        assert sorted(row["id"] for row in rows) == sorted(instances)
        for row in rows:
            assert len(row["images"]) == len(instances[row["id"]].images)


@pytest.mark.parametrize("config", ["default", "multi_image"])
def test_the_llava_files_are_loaded(exports: Exports, tmp_path: Path, config: str) -> None:
    for split, rows in load(exports.llava, config, tmp_path).items():
        instances = {instance.id: instance for instance in exports.build.instances(split)}
        assert rows
        for row in rows:
            instance = instances[row["id"]]
            assert (len(instance.images) > 1) == (config == "multi_image")
            assert row["conversations"] == conversation_of(instance)
            names = row["image"] if config == "multi_image" else [row["image"]]
            assert [Path(name).stem for name in names if name] == list(instance.images)


def test_the_parquet_files_are_loaded_with_their_images(exports: Exports, tmp_path: Path) -> None:
    for split, rows in load(exports.huggingface, "default", tmp_path).items():
        instances = list(exports.build.instances(split))
        assert [row["id"] for row in rows] == [instance.id for instance in instances]
        for row, instance in zip(rows, instances, strict=True):
            assert [message["role"] for message in row["messages"]] == [
                turn.role for turn in instance.turns
            ]
            for decoded, image in zip(row["images"], instance.images, strict=True):
                stored = Image.open(io.BytesIO(exports.build.image(image))).convert("RGB")
                assert np.array_equal(np.asarray(decoded.convert("RGB")), np.asarray(stored))
