"""A step that trains does so in as many processes as the settings of the machine say."""

from dataclasses import replace
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_checkpoint import write_build
from visionflan.analysis.execute import resources
from visionflan.analysis.step import StepContext
from visionflan.analysis.steps import train as module
from visionflan.analysis.steps.build_input import BuildInput
from visionflan.executors.base import Resources
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.validation_config import ValidationConfig

RUNTIME = RuntimeConfig(num_threads=3, num_processes=2)
STAGE = StageConfig(name="base", learning_rate=1e-3, steps=2, batch_size=4)


@pytest.fixture
def step(tmp_path: Path) -> module.TrainStep:
    build = BuildInput(write_build(tmp_path / "build", texts=2))
    return module.TrainStep(stage=STAGE, build=build, model=None, init=InitConfig(), seed=3)


def test_the_run_of_a_step_has_its_number_of_processes(
    step: module.TrainStep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[TrainConfig] = []
    monkeypatch.setattr(module, "train", lambda config, out, log: configs.append(config))
    step.run(StepContext(directory=tmp_path, outputs={}, runtime=RUNTIME, log=print))
    assert [config.runtime for config in configs] == [RUNTIME]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("auto", Resources(cpus=6, gpus=2, gpus_required=False)),
        ("cuda", Resources(cpus=6, gpus=2, gpus_required=True)),
        ("cpu", Resources(cpus=6, gpus=0, gpus_required=False)),
    ],
)
def test_a_step_reserves_a_gpu_for_each_process(
    step: module.TrainStep, device: str, expected: Resources
) -> None:
    runtime = replace(RUNTIME, device=device)  # type: ignore[arg-type]
    assert resources(step, runtime) == expected


@pytest.mark.parametrize(
    ("validation", "decides"),
    [
        (ValidationConfig(every_steps=1), False),
        (ValidationConfig(save="best"), True),
        (ValidationConfig(patience=3), True),
    ],
)
def test_validation_makes_another_step_only_where_it_decides_the_weights(
    step: module.TrainStep, validation: ValidationConfig, decides: bool
) -> None:
    validated = replace(step, stage=replace(STAGE, validation=validation))
    assert (validated.digest != step.digest) == decides


def test_a_part_is_known_by_its_weights_and_its_tokenizer(tmp_path: Path) -> None:
    contents = [module.part_content(tmp_path)]
    for name, content in (
        ("model.safetensors", b"first"),
        ("model.safetensors", b"another"),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"{ }"),
    ):
        (tmp_path / name).write_bytes(content)
        contents.append(module.part_content(tmp_path))
    assert len(set(contents)) == 5
    (tmp_path / "README.md").write_text("of no effect")
    assert module.part_content(tmp_path) == contents[-1]
    assert module.part_content(tmp_path / "missing") == str(tmp_path / "missing")


def test_weights_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def digest(file: BufferedReader, kind: str) -> Any:
        read.append(Path(file.name).name)
        return file_digest(file, kind)

    monkeypatch.setattr(module, "file_digest", digest)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    assert module.part_content(tmp_path) == module.part_content(tmp_path)
    assert read == [file.name]


def test_a_chat_template_in_a_file_is_known_by_its_content(
    step: module.TrainStep, tmp_path: Path
) -> None:
    file, copy = tmp_path / "template.jinja", tmp_path / "copy.jinja"
    file.write_text("{{ messages }}")
    copy.write_text("{{ messages }}")
    before, same = (
        replace(step, init=InitConfig(chat_template=str(path))).digest for path in (file, copy)
    )
    file.write_text("{{ messages[0] }}")
    assert before == same != replace(step, init=InitConfig(chat_template=str(file))).digest
    of_file, of_copy = (
        replace(step, stage=replace(step.stage, chat_template=str(path))).digest
        for path in (file, copy)
    )
    assert len({step.digest, of_file, of_copy}) == 3
    copy.write_text(file.read_text())
    assert replace(step, stage=replace(step.stage, chat_template=str(copy))).digest == of_file
