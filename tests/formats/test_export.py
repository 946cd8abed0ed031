"""Exports are read back completely by the tools they are meant for."""

import io
import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.board import BOARD_FILE, board_image, row_of, write_board
from visionflan import catalog
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.split import HoldOutConfig
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.formats.exporting import export
from visionflan.formats.huggingface import message_content
from visionflan.formats.importing import find_release, import_release
from visionflan.formats.shared import parquet_shards
from visionflan.formats.shared.messages import turn_text
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Split, Turn


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
        for number, form in enumerate(["PNG", "WEBP", "BMP", "GIF", "TIFF"] * 2):
            images = [f"images/{form}.jpg", f"images/{number % 5}.jpg"]
            text = f"Line one\nline two of {number}."
            rows.append(row_of(number, key=f"{form}{number}", images=images, text=text))
        write_board(root, rows)
        build(
            tmp / "data",
            tmp / "build",
            BuildSettings(tasks=("board",), hold_out_images=0.3),
            workers=1,
        )
    return BuildDirectory(tmp / "build")


def pixels(encoded: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def conversation_of(instance: Instance) -> list[dict[str, str]]:
    names = {"user": "human", "assistant": "gpt"}
    return [{"from": names[turn.role], "value": turn.text} for turn in instance.turns]


def read_llava(directory: Path, split: str) -> list[dict[str, Any]]:
    """Return the records of a split, those of one image first."""
    return [
        record
        for end in ("", "_multi_image")
        for record in json.loads((directory / f"{split}{end}.json").read_text())
    ]


def test_llava_json_has_every_instance_and_its_images(
    built: BuildDirectory, tmp_path: Path
) -> None:
    count = export(built, tmp_path / "out", "llava")
    assert count == len(built.instances()) == 80
    for split in get_args(Split):
        records = {record["id"]: record for record in read_llava(tmp_path / "out", split)}
        instances = list(built.instances(split))
        assert sorted(records) == sorted(instance.id for instance in instances)
        for instance in instances:
            record = records[instance.id]
            assert record["task_name"] == built.tasks[instance.task].official_name
            assert record["conversations"] == conversation_of(instance)
            names = record["image"] if len(instance.images) > 1 else [record["image"]]
            for name, image in zip(names, instance.images, strict=True):
                assert (tmp_path / "out/images" / name).read_bytes() == built.image(image)
                form = Image.open(io.BytesIO(built.image(image))).format
                assert Image.registered_extensions()[Path(name).suffix] == form


def test_each_llava_file_has_images_of_one_type(built: BuildDirectory, tmp_path: Path) -> None:
    export(built, tmp_path / "out", "llava")
    for split in get_args(Split):
        for end, kind in (("", str), ("_multi_image", list)):
            records = json.loads((tmp_path / f"out/{split}{end}.json").read_text())
            assert {type(record["image"]) for record in records} == {kind}


def test_llama_factory_finds_each_llava_file(built: BuildDirectory, tmp_path: Path) -> None:
    export(built, tmp_path / "out", "llava")
    listed = json.loads((tmp_path / "out/dataset_info.json").read_text())
    names = ["held_out", "held_out_multi_image", "train", "train_multi_image"]
    assert sorted(listed) == names
    for name, entry in listed.items():
        assert entry["file_name"] == f"{name}.json"
        record = json.loads((tmp_path / "out" / entry["file_name"]).read_text())[0]
        assert entry["formatting"] == "sharegpt"
        assert set(entry["columns"].values()) <= set(record)


def test_the_card_lists_the_files_of_each_form(built: BuildDirectory, tmp_path: Path) -> None:
    export(built, tmp_path / "out", "llava")
    head = (tmp_path / "out/README.md").read_text().split("---")[1]
    default, multi = head.partition("configs:\n")[2].split("- config_name: multi_image\n")
    assert "default: true" in default
    assert "{split: train, path: 'train.json'}" in default
    assert "{split: held_out, path: 'held_out.json'}" in default
    assert "{split: train, path: 'train_multi_image.json'}" in multi
    assert "{split: held_out, path: 'held_out_multi_image.json'}" in multi


def test_a_build_without_instances_is_not_exported(tmp_path: Path) -> None:
    with DirectoryWriter(tmp_path / "empty", {"name": "empty"}):
        pass
    with pytest.raises(BuildError, match="no instances to export"):
        export(BuildDirectory(tmp_path / "empty"), tmp_path / "out", "llava")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_datasets_reads_the_parquet_back_with_equal_pixels(
    built: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(parquet_shards, "SHARD_BYTES", 30_000)
    monkeypatch.setattr(parquet_shards, "GROUP_ROWS", 7)
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


@pytest.mark.parametrize("config", ["default", "multi_image"])
def test_datasets_reads_the_llava_json(
    built: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    export(built, tmp_path / "out", "llava")
    loaded = datasets.load_dataset(str(tmp_path / "out"), config, cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "held_out"}
    for split, table in loaded.items():
        instances = [
            instance
            for instance in built.instances(split)
            if (len(instance.images) > 1) == (config == "multi_image")
        ]
        assert table["id"][:] == [instance.id for instance in instances]
        assert list(table["conversations"]) == [conversation_of(instance) for instance in instances]


@pytest.mark.parametrize("format_name", ["llava", "huggingface"])
def test_an_export_is_imported_as_it_was(
    built: BuildDirectory, tmp_path: Path, format_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_shards, "SHARD_BYTES", 30_000)
    export(built, tmp_path / "out", format_name)
    import_release(find_release(tmp_path / "out"), tmp_path / "again", name="again")
    again = BuildDirectory(tmp_path / "again", verify=True)
    returned = {instance.id: instance for instance in again.instances()}
    instances = {instance.id: instance for instance in built.instances()}
    assert sorted(returned) == sorted(instances)
    for instance_id, instance in instances.items():
        one = returned[instance_id]
        assert (one.task, one.key, one.split) == (instance.task, instance.key, instance.split)
        assert (one.images, one.turns) == (instance.images, instance.turns)
        assert (one.options, one.target) == (instance.options, instance.target)
        for image in one.images:
            assert again.image(image) == built.image(image)


@pytest.mark.parametrize("name", ["train.json", "train_multi_image.json"])
def test_one_file_of_an_export_is_imported_alone(
    built: BuildDirectory, tmp_path: Path, name: str
) -> None:
    export(built, tmp_path / "out", "llava")
    import_release(find_release(tmp_path / "out" / name), tmp_path / "again", name="again")
    again = BuildDirectory(tmp_path / "again")
    records = json.loads((tmp_path / "out" / name).read_text())
    assert sorted(again.instances("train").column("id")) == sorted(r["id"] for r in records)


def test_the_splits_of_an_export_are_not_decided_again(
    built: BuildDirectory, tmp_path: Path
) -> None:
    export(built, tmp_path / "out", "llava")
    hold_out = HoldOutConfig(image_fraction=0.5, tasks=(), seed=0)
    with pytest.raises(BuildError, match="leave out --hold-out-images"):
        import_release(
            find_release(tmp_path / "out"), tmp_path / "again", name="again", hold_out=hold_out
        )
    assert not (tmp_path / "again").exists()


TEXTS = st.text("ab <image>\n", max_size=12).filter(lambda text: "<image>" not in text)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_typed_pieces_become_the_text_again(
    texts: list[str], markers_first: bool, markers_last: bool
) -> None:
    text = "<image>".join(texts)
    text = ("<image>\n<image>\n" if markers_first else "") + text
    text += "\n<image>" if markers_last else ""
    content = message_content(Turn("user", text))
    assert sum(piece["type"] == "image" for piece in content) == text.count("<image>")
    again = str(turn_text(content))
    assert message_content(Turn("user", again)) == content
    # A marker that touches a text or another marker gets a line of its own.
    separated = re.sub(r"<image>(?=[^ \n])", "<image>\n", text)
    assert again == re.sub(r"(?<=[^ \n])<image>", "\n<image>", separated)


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
    assert f"{out}: 40 instances in 4 files" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    assert "{split: train, path: 'train-*.parquet'}" in card
