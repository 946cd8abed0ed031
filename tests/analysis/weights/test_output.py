"""A new checkpoint has the other weights and files of its base, and says where it is from."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.exchanged_parts import Models
from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.surgery import RandomizeStep, ReplaceStep, SurgeryStep
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.weights import output
from visionflan.analysis.weights.surgery import interpolate_part, randomize_part, replace_part
from visionflan.model.families.llava import Llava
from visionflan.model.fingerprint import fingerprint_model, weights_digest
from visionflan.storage.trained_images import (
    read_trained_images,
)
from visionflan.train.checkpoint import read_run_json
from visionflan.train.config import RuntimeConfig


def test_the_other_weights_and_files_stay(models: Models, tmp_path: Path) -> None:
    out = replace_part(models.first, models.second, "connector", tmp_path / "out")
    before, after = (load_file(path / "model.safetensors") for path in (models.first, out))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[0] for name in changed} == {"multi_modal_projector"}
    files = {path.name for path in models.first.iterdir()}
    assert {path.name for path in out.iterdir()} == files | {"run.json"}
    for name in files - {"model.safetensors", "trained_images.parquet"}:
        assert (out / name).read_bytes() == (models.first / name).read_bytes()


def test_run_json_says_what_was_done_to_which_weights(models: Models, tmp_path: Path) -> None:
    out = interpolate_part(models.first, models.second, "vision_tower", 0.5, tmp_path / "out")
    run = read_run_json(out)
    assert run["surgery"] == {
        "operation": "interpolate_part",
        "part": "vision_tower",
        "weight": 0.5,
        "checkpoints": [
            {"path": str(path), "weights_sha256": weights_digest(path)}
            for path in (models.first, models.second)
        ],
    }
    assert run["weights_sha256"] == weights_digest(out)
    assert run["fingerprint"] == fingerprint_model(Llava.load(out))._asdict()
    assert run["versions"]["torch"] == torch.__version__


def test_images_of_all_weights_are_recorded(models: Models, tmp_path: Path) -> None:
    out = replace_part(models.first, models.second, "connector", tmp_path / "out")
    images = read_trained_images(out)
    assert images.builds.keys() == {"first", "second"}
    assert len(images.phashes) == 2
    assert images.is_complete
    random = randomize_part(models.first, "connector", 0, tmp_path / "random")
    assert read_trained_images(random).builds.keys() == {"first"}
    unknown = shutil.copytree(models.second, tmp_path / "unknown")
    (unknown / "trained_images.parquet").unlink()
    out = replace_part(models.first, unknown, "connector", tmp_path / "of_unknown")
    assert not read_trained_images(out).is_complete


def test_an_unfinished_checkpoint_leaves_nothing(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(output, "write_trained_images", fail)
    with pytest.raises(OSError, match="disk full"):
        randomize_part(models.first, "connector", 0, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True, kw_only=True)
class StoredStep(ModelStep):
    """A model that is there."""

    kind: ClassVar[str] = "stored"

    @property
    def label(self) -> str:
        return "stored"

    @property
    def parents(self) -> tuple[Step, ...]:
        return ()

    def settings(self) -> dict[str, Any]:
        return {}

    def run(self, context: StepContext) -> None: ...

    def checkpoint(self, output: Path) -> Path:
        return output


@pytest.mark.parametrize("kind", ["replace", "randomize"])
def test_a_step_that_was_killed_after_its_checkpoint_is_taken_up_again(
    models: Models, tmp_path: Path, kind: str
) -> None:
    stored = StoredStep()
    step: SurgeryStep = RandomizeStep(model=stored, seed=1)
    if kind == "replace":
        step = ReplaceStep(model=stored, donor=models.second, part="connector")
    context = StepContext(
        directory=tmp_path,
        outputs={stored.digest: models.first},
        runtime=RuntimeConfig(),
        log=print,
    )
    step.run(context)
    weights = weights_digest(step.checkpoint(tmp_path))
    step.run(context)
    assert weights_digest(step.checkpoint(tmp_path)) == weights
