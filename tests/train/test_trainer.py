"""The loop trains what is told, weighs tokens alike, and goes on exactly where it stopped."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.errors import TrainingError
from visionflan.train import trainer as loop
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train
from visionflan.train.stage import StageRunner, enable_gradient_checkpointing
from visionflan.train.training_model import Batch, Collator, TrainingModel

Weights = dict[str, torch.Tensor]
STEPS = 8


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    folder = tmp_path_factory.mktemp("given")
    return TrainConfig(
        name="loop",
        build=write_build(folder / "build", texts=6),
        init=InitConfig(
            vision_tower=save_tower(folder / "tower"),
            language_model=save_language_model(folder / "words"),
        ),
        runtime=RuntimeConfig(
            num_threads=1,
            log_every_steps=1,
            checkpoint_every_seconds=0,
            micro_batch_tokens=300,
            device="cpu",
        ),
        stages=(
            StageConfig(name="base", learning_rate=1e-3, epochs=2, batch_size=8, weight_decay=0.1),
        ),
    )


@pytest.fixture(scope="module")
def reference(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return weights(train(config, tmp_path_factory.mktemp("reference")))


def weights(checkpoint: Path) -> Weights:
    return dict(load_file(checkpoint / "model.safetensors"))


def same(ours: Weights, theirs: Weights) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "base/metrics.jsonl").read_text().splitlines()]


class StoppedError(Exception):
    """The loop was stopped by a test."""


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    step = loop.Trainer.step

    def stop(at: int) -> None:
        def stopping(self: loop.Trainer, number: int, *given: Any) -> torch.Tensor:
            if number == at:
                raise StoppedError
            return step(self, number, *given)

        monkeypatch.setattr(loop.Trainer, "step", stopping)

    yield stop
    monkeypatch.undo()


@pytest.mark.parametrize("at", [1, 4, STEPS - 1])
def test_a_run_that_was_stopped_ends_with_the_same_weights_and_lines(
    config: TrainConfig, reference: Weights, tmp_path: Path, stop_at: Any, at: int
) -> None:
    stop_at(at)
    with pytest.raises(StoppedError):
        train(config, tmp_path)
    assert len(lines(tmp_path)) == at
    stop_at(-1)
    assert same(weights(train(config, tmp_path)), reference)
    assert [line["step"] for line in lines(tmp_path)] == list(range(1, STEPS + 1))
    assert not (tmp_path / "base/resume").exists()


def test_a_step_after_the_last_state_is_done_again(
    config: TrainConfig, reference: Weights, tmp_path: Path, stop_at: Any
) -> None:
    seldom = replace(config, runtime=replace(config.runtime, checkpoint_every_seconds=1e9))
    stop_at(3)
    with pytest.raises(StoppedError):
        train(config, tmp_path)
    stop_at(6)
    with pytest.raises(StoppedError):
        train(seldom, tmp_path)
    assert len(lines(tmp_path)) == 6
    stop_at(-1)
    assert same(weights(train(config, tmp_path)), reference)
    assert [line["step"] for line in lines(tmp_path)] == list(range(1, STEPS + 1))


def test_random_numbers_are_those_of_the_step(
    config: TrainConfig, tmp_path: Path, stop_at: Any
) -> None:
    words = save_language_model(tmp_path / "words", dropout=0.3)
    random = replace(config, init=replace(config.init, language_model=words))
    whole = weights(train(random, tmp_path / "whole"))
    torch.manual_seed(12345)
    stop_at(4)
    with pytest.raises(StoppedError):
        train(random, tmp_path / "stopped")
    torch.manual_seed(54321)
    stop_at(-1)
    assert same(weights(train(random, tmp_path / "stopped")), whole)
    other = weights(train(replace(random, seed=1), tmp_path / "other"))
    assert not same(other, whole)


@pytest.mark.parametrize(
    "runtime",
    [
        {"image_cache": "pixels"},
        {"image_cache": "features"},
        {"num_workers": 2},
        {"gradient_checkpointing": True},
    ],
    ids=lambda runtime: next(iter(runtime)) + str(next(iter(runtime.values()))),
)
def test_how_the_work_is_done_changes_nothing(
    config: TrainConfig, reference: Weights, tmp_path: Path, runtime: dict[str, Any]
) -> None:
    other = replace(config, runtime=replace(config.runtime, **runtime))
    assert same(weights(train(other, tmp_path)), reference)


def test_every_token_weighs_the_same_however_a_step_is_cut(
    config: TrainConfig, reference: Weights, tmp_path: Path
) -> None:
    other = replace(config, runtime=replace(config.runtime, micro_batch_tokens=100_000))
    found = weights(train(other, tmp_path))
    assert not same(found, reference)
    for name, weight in found.items():
        torch.testing.assert_close(weight, reference[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "trainable",
    [("connector",), ("language_model",), ("vision_tower",), ("connector", "language_model")],
)
def test_a_stage_changes_what_it_trains_and_nothing_else(
    config: TrainConfig, tmp_path: Path, trainable: Any
) -> None:
    from visionflan.model.families.llava import Llava

    stage = replace(config.stages[0], trainable=trainable, epochs=None, steps=1)
    found = weights(train(replace(config, stages=(stage,)), tmp_path))
    assert config.init.vision_tower is not None
    assert config.init.language_model is not None
    start = Llava.build(config.init.vision_tower, config.init.language_model)
    start.model.save_pretrained(tmp_path / "start")
    before = weights(tmp_path / "start")
    parts = {"connector": "multi_modal_projector"}
    for part in ("vision_tower", "connector", "language_model"):
        names = [name for name in found if name.startswith(parts.get(part, part))]
        changed = any(not torch.equal(found[name], before[name]) for name in names)
        assert names
        assert changed == (part in trainable), part


def test_the_features_of_a_tower_that_is_trained_are_not_kept(
    config: TrainConfig, tmp_path: Path
) -> None:
    stage = replace(config.stages[0], trainable=("vision_tower",))
    runtime = replace(config.runtime, image_cache="features")
    with pytest.raises(TrainingError, match="trains the tower, whose features can then not"):
        train(replace(config, stages=(stage,), runtime=runtime), tmp_path)


@pytest.fixture(scope="module")
def phase(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> StageRunner:
    world = DistributedContext(0, 1, torch.device("cpu"))
    return StageRunner(config, config.stages[0], tmp_path_factory.mktemp("phase"), world)


def batch_of(phase: StageRunner, task: str, count: int = 2) -> Batch:
    rows = phase.encoded()
    numbers = (rows.task == rows.tasks.index(task)).nonzero()[0][:count]
    collate = Collator(rows, phase.encoder, phase.images(rows))
    return collate(MicroBatch(numbers, int(rows.lengths[numbers].max())))


def gradients(learner: TrainingModel, batch: Batch) -> dict[str, torch.Tensor | None]:
    learner.zero_grad(set_to_none=True)
    learner(batch).sum().backward()
    return {name: weight.grad for name, weight in learner.named_parameters()}


def test_a_batch_without_images_leaves_no_part_without_a_gradient(phase: StageRunner) -> None:
    learner = TrainingModel(phase.parent.vlm, ("connector", "language_model"))
    for name, gradient in gradients(learner, batch_of(phase, "tiny/text")).items():
        if "vision_tower" in name:
            assert gradient is None
        elif "projector" in name:
            assert gradient is not None
            assert not gradient.any(), "what is not seen teaches nothing"
        else:
            assert gradient is not None


def test_a_share_without_rows_teaches_nothing(phase: StageRunner) -> None:
    rows = phase.encoded()
    collate = Collator(rows, phase.encoder, phase.images(rows))
    empty = collate(MicroBatch(torch.zeros(0, dtype=torch.long).numpy(), 0))
    assert not empty.learned_bl.any()
    learner = TrainingModel(phase.parent.vlm, ("connector", "language_model"))
    for name, gradient in gradients(learner, empty).items():
        assert "vision_tower" in name or (gradient is not None and not gradient.any())


def test_a_batch_whose_markers_and_images_differ_is_refused(
    phase: StageRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = type(phase.encoded()).row
    monkeypatch.setattr(
        type(phase.encoded()), "row", lambda self, n: row(self, n)._replace(images=[])
    )
    with pytest.raises(TrainingError, match=r"do not agree in one of tiny/colour/0, tiny/colour/2"):
        batch_of(phase, "tiny/colour")


def test_padding_and_the_rows_beside_it_change_no_loss(phase: StageRunner) -> None:
    learner = TrainingModel(phase.parent.vlm, ("connector", "language_model"))
    batch = batch_of(phase, "tiny/colour", 4)
    together = learner(batch)
    alone = torch.cat([learner(batch_of_row(batch, row)) for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def batch_of_row(batch: Batch, row: int) -> Batch:
    assert batch.pixels is not None
    return Batch(
        tokens_bl=batch.tokens_bl[row : row + 1],
        learned_bl=batch.learned_bl[row : row + 1],
        row_tasks_b=batch.row_tasks_b[row : row + 1],
        pixels=batch.pixels[row : row + 1],
    )


def test_the_threads_that_a_probe_chose_are_kept_when_the_run_goes_on(
    config: TrainConfig,
    reference: Weights,
    tmp_path: Path,
    stop_at: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probed = []
    probe = loop.Trainer.probe

    def first(self: loop.Trainer, batch: Batch) -> int:
        assert probe(self, batch) >= 1
        probed.append(1)
        return 1

    monkeypatch.setattr(loop.Trainer, "probe", first)
    free = replace(config, runtime=replace(config.runtime, num_threads=0))
    stop_at(4)
    with pytest.raises(StoppedError):
        train(free, tmp_path)
    stop_at(-1)
    assert same(weights(train(free, tmp_path)), reference)
    assert probed == [1]


def test_activations_are_computed_again_where_that_is_told(phase: StageRunner) -> None:
    learner = TrainingModel(phase.parent.vlm, ("connector", "language_model"))
    passed = []
    layer = phase.parent.vlm.language_model.get_submodule("layers.0.input_layernorm")
    hook = layer.register_forward_hook(lambda *_: passed.append(1))
    gradients(learner, batch_of(phase, "tiny/colour"))
    assert len(passed) == 1
    enable_gradient_checkpointing(phase.parent.vlm)
    gradients(learner, batch_of(phase, "tiny/colour"))
    assert len(passed) == 3
    hook.remove()


def test_a_loss_that_is_no_number_ends_the_run(config: TrainConfig, tmp_path: Path) -> None:
    stage = replace(config.stages[0], learning_rate=1e30, warmup_fraction=0.0, max_grad_norm=1e30)
    with pytest.raises(TrainingError, match=r"the loss is .* at step"):
        train(replace(config, stages=(stage,)), tmp_path)
