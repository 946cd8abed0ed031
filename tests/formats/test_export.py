"""Exports are read back completely by the tools they are meant for."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.board import BOARD_FILE, board_image, row_of, write_board
from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.formats import huggingface
from visionflan.formats.exporting import export
from visionflan.formats.huggingface import message_content
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    """Build a board with pictures of several forms, some shown in pairs."""
    tmp = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "loose_files", {"board": BOARD_FILE})
        catalog.load.cache_clear()
        root = write_board(tmp / "data/board", [], 30)
        for number, form in enumerate(["PNG", "WEBP", "BMP", "GIF", "TIFF"]):
            (root / f"images/{form}.jpg").write_bytes(board_image(50 + number, form))
        rows: list[dict[str, Any] | str] = [
            row_of(n, options=["x", f"it is {n}"]) for n in range(30)
        ]
        for number, form in enumerate(["PNG", "WEBP", "BMP", "GIF", "TIFF"]):
            images = [f"images/{form}.jpg", f"images/{number}.jpg"]
            rows.append(row_of(number, key=form, images=images, text="Line one\nline two."))
        write_board(root, rows)
        build(
            tmp / "data",
            tmp / "build",
            BuildSettings(tasks=("board",), hold_out_images=0.2),
            workers=1,
        )
    return BuildDirectory(tmp / "build")


def pixels(encoded: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def conversation_of(instance: Instance) -> list[dict[str, str]]:
    names = {"user": "human", "assistant": "gpt"}
    return [{"from": names[turn.role], "value": turn.text} for turn in instance.turns]


def test_llava_json_has_every_instance_and_its_images(
    built: BuildDirectory, tmp_path: Path
) -> None:
    count = export(built, tmp_path / "out", "llava")
    assert count == len(built.instances()) == 70
    for split in ("train", "held_out"):
        records = json.loads((tmp_path / f"out/{split}.json").read_text())
        instances = list(built.instances(split))
        assert [record["id"] for record in records] == [instance.id for instance in instances]
        for record, instance in zip(records, instances, strict=True):
            assert record["task_name"] == built.tasks[instance.task].official_name
            assert record["conversations"] == conversation_of(instance)
            names = record["image"] if len(instance.images) > 1 else [record["image"]]
            for name, image in zip(names, instance.images, strict=True):
                assert (tmp_path / "out/images" / name).read_bytes() == built.image(image)
                form = Image.open(io.BytesIO(built.image(image))).format
                assert Image.registered_extensions()[Path(name).suffix] == form


def test_datasets_reads_the_parquet_back_with_equal_pixels(
    built: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(huggingface, "SHARD_BYTES", 30_000)
    monkeypatch.setattr(huggingface, "GROUP_ROWS", 7)
    export(built, tmp_path / "out", "huggingface")
    assert len(list((tmp_path / "out").glob("train-*.parquet"))) > 2
    splits = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert set(splits) == {"train", "held_out"}
    for split, table in splits.items():
        instances = list(built.instances(split))
        assert table["id"][:] == [instance.id for instance in instances]
        for row, instance in zip(table, instances, strict=True):
            for decoded, image in zip(row["images"], instance.images, strict=True):
                assert np.array_equal(
                    np.asarray(decoded.convert("RGB")), pixels(built.image(image))
                )
            assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
            question, answer = (message["content"] for message in row["messages"])
            assert answer == [{"type": "text", "text": instance.answer}]
            assert sum(piece["type"] == "image" for piece in question) == len(instance.images)
            texts = [piece["text"] for piece in question if piece["type"] == "text"]
            assert texts == [instance.prompt.replace("<image>", "").strip("\n")]
            first = question[0]["type"] == "image"
            assert first == instance.prompt.startswith("<image>")


def test_datasets_reads_the_llava_json(
    built: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    single = ["board/ask"]
    export(built, tmp_path / "out", "llava", single)
    names = {split: str(tmp_path / f"out/{split}.json") for split in ("train", "held_out")}
    loaded = datasets.load_dataset("json", data_files=names, cache_dir=str(tmp_path / "cache"))
    for split, table in loaded.items():
        instances = built.instances(split, single)
        assert table["id"][:] == instances.column("id")
        assert list(table["conversations"]) == [conversation_of(instance) for instance in instances]


def test_an_export_can_be_imported_again(built: BuildDirectory, tmp_path: Path) -> None:
    export(built, tmp_path / "out", "llava")
    import_release(find_release(tmp_path / "out/train.json"), tmp_path / "again", name="again")
    again = BuildDirectory(tmp_path / "again")
    instances = list(built.instances("train"))
    returned = {(instance.images, instance.turns): instance for instance in again.instances()}
    assert len(returned) == len(again.instances()) == len(instances)
    for instance in instances:
        one = returned[instance.images, instance.turns]
        assert (one.options, one.target) == (instance.options, instance.target)
        assert [again.image(image) for image in one.images] == [
            built.image(image) for image in instance.images
        ]


def test_markers_become_images_wherever_they_stand() -> None:
    image = {"type": "image", "text": None}

    def text(content: str) -> dict[str, str]:
        return {"type": "text", "text": content}

    assert message_content(Turn("user", "<image>\nWhat?")) == [image, text("What?")]
    assert message_content(Turn("user", "What?\n<image>")) == [text("What?"), image]
    assert message_content(Turn("user", "<image>\n<image>\nSame?")) == [image, image, text("Same?")]
    assert message_content(Turn("user", "Is <image> like <image>?")) == [
        text("Is "), image, text(" like "), image, text("?"),
    ]  # fmt: skip
    assert message_content(Turn("assistant", "Yes.")) == [text("Yes.")]


def test_a_directory_in_use_is_not_exported_into(built: BuildDirectory, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BuildError, match="not empty"):
        export(built, tmp_path, "huggingface")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failed_export_leaves_nothing(
    built: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(BuildDirectory, "image", fail)
    with pytest.raises(OSError, match="full"):
        export(built, tmp_path / "out", "llava")
    assert not list(tmp_path.iterdir())


def test_the_command_prints_what_it_wrote(
    built: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = [
        "export",
        str(built.path),
        "--format",
        "huggingface",
        "--out",
        str(out),
        "--tasks",
        "board/c*",
    ]
    assert main(command) == 0
    assert f"{out}: 35 instances in 4 files" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    assert "{split: train, path: 'train-*.parquet'}" in card
