"""Weights are read and written in one file or in shards, under either kind of names."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.helpers.exchanged_parts import PARTS, Models
from visionflan.analysis.weights import weight_files
from visionflan.analysis.weights.surgery import replace_part
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava
from visionflan.model.fingerprint import weights_digest


def test_shards_are_written_and_read(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_files, "MAX_SHARD_BYTES", 20_000)
    out = replace_part(models.first, models.second, "connector", tmp_path / "out")
    assert not (out / "model.safetensors").exists()
    index = json.loads((out / "model.safetensors.index.json").read_bytes())
    files = {path.name: load_file(path) for path in out.glob("*.safetensors")}
    assert len(files) > 3
    names = {name: file for file, weights in files.items() for name in weights}
    assert index["weight_map"] == names
    sizes = [sum(weight.nbytes for weight in weights.values()) for weights in files.values()]
    assert sum(sizes) == index["metadata"]["total_size"]
    monkeypatch.undo()
    again = replace_part(out, models.first, "connector", tmp_path / "again")
    assert weights_digest(again) == weights_digest(
        replace_part(models.first, models.first, "connector", tmp_path / "same")
    )
    Llava.load(out)
    next(out.glob("model-00002-*")).unlink()
    with pytest.raises(TrainingError, match=r"model-00002-of-.* cannot be read: .*; copy it again"):
        replace_part(out, models.first, "connector", tmp_path / "no")


def test_names_in_memory_on_disk_are_read_as_published_ones(models: Models, tmp_path: Path) -> None:
    renamed = shutil.copytree(models.second, tmp_path / "renamed")
    save_file(dict(Llava.load(models.second).model.state_dict()), renamed / "model.safetensors")
    for part in PARTS:
        expected = replace_part(models.first, models.second, part, tmp_path / f"published_{part}")
        out = replace_part(models.first, renamed, part, tmp_path / part)
        assert weights_digest(out) == weights_digest(expected)
