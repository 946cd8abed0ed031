"""Releases that made an import fail or lose rows are read, or refused in one sentence."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from visionflan.cli.main import main
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.shared


def import_case(path: Path, out: Path) -> int:
    return main(["import", str(path), "--out", str(out), "--workers", "1"])


@pytest.mark.parametrize(
    ("case", "instances"),
    [
        ("two-lists/all.json", 2),
        ("image-nan/train.json", 2),
        ("bom/list.json", 2),
        ("bom/lines.jsonl", 2),
        ("text-first/train.json", 51),
        ("system-prompt/field.json", 1),
        ("system-prompt/turn.json", 1),
        ("hash-in-name/train.json", 3),
        ("dotdot-path/train.json", 2),
        ("formats/rich", 9),
        ("formats/instruct", 12),
        ("formats/hfmsg", 1),
        ("nothing-read/messages.json", 1),
        ("formats/swift", 1),
        ("formats/wds", 1),
        ("formats/onevision", 2),
        ("formats/onevision/si.yaml", 2),
        ("formats/cauldron", 1),
        ("formats/finevision", 1),
        ("formats/sharegpt", 1),
        ("formats/sharegpt/dataset_info.json", 1),
    ],
)
def test_every_row_of_a_case_is_imported(
    shared: Path, tmp_path: Path, case: str, instances: int
) -> None:
    assert import_case(shared / "cases" / case, tmp_path / "out") == 0
    assert len(BuildDirectory(tmp_path / "out").instances()) == instances


def test_every_row_of_the_mix_is_imported_or_dropped(shared: Path, tmp_path: Path) -> None:
    path = shared / "cases/formats/mix/llava_v1_5_mix665k.json"
    assert import_case(path, tmp_path / "out") == 0
    ledger = pq.read_table(tmp_path / "out/ledger.parquet").to_pylist()
    reasons = sorted(line["reason"] for line in ledger if line["kind"] == "dropped")
    assert reasons == [
        "empty_target",
        "image_missing",
        "image_token_mismatch",
    ]
    records = json.loads(path.read_text())
    assert len(BuildDirectory(tmp_path / "out").instances()) == len(records) - len(reasons)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("nothing-read/wrapped.json", "one JSON object with its list under `data`"),
        ("nothing-read/empty.json", "is empty"),
        ("other-encodings/utf16.json", "is not UTF-8: byte 1 of line 1 is 0xff"),
        ("other-encodings/gbk.json", "is not UTF-8: byte"),
    ],
)
def test_another_form_is_refused_by_its_name(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, sentence: str
) -> None:
    assert import_case(shared / "cases" / case, tmp_path / "out") == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert sentence in error
    assert not (tmp_path / "out").exists()


def test_a_path_with_two_dots_is_read(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared / "cases/bom")
    assert import_case(Path("../dotdot-path/train.json"), tmp_path / "out") == 0
    assert len(BuildDirectory(tmp_path / "out").instances()) == 2


def test_an_absolute_path_is_read(shared: Path, tmp_path: Path) -> None:
    shutil.copytree(shared / "cases/absolute-path/pictures", tmp_path / "pictures")
    question = {"from": "human", "value": "<image>\nWhat?"}
    turns = [question, {"from": "gpt", "value": "A square."}]
    record = {"id": 1, "image": str(tmp_path / "pictures/a.png"), "conversations": turns}
    (tmp_path / "json").mkdir()
    (tmp_path / "json/train.json").write_text(json.dumps([record]))
    assert import_case(tmp_path / "json/train.json", tmp_path / "out") == 0
    assert len(BuildDirectory(tmp_path / "out").instances()) == 1
