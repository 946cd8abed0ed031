"""Batches and gradients: padding, missing images and empty micro-batches change no other part."""

import pytest
import torch

from visionflan.model.feature_model import FeatureModel
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.collator import BatchTensors, Collator
from visionflan.train.config import TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.prepare_model import enable_gradient_checkpointing
from visionflan.train.stage import StageRunner
from visionflan.train.training_model import TrainingModel


@pytest.fixture(scope="module")
def runner(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> StageRunner:
    distributed = DistributedContext(0, 1, torch.device("cpu"))
    return StageRunner(config, config.stages[0], tmp_path_factory.mktemp("stage"), distributed)


def batch_of(runner: StageRunner, task: str, count: int = 2) -> BatchTensors:
    dataset = runner.tokenize()
    rows = (dataset.task_ids == dataset.tasks.index(task)).nonzero()[0][:count]
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    return collate(MicroBatch(rows, int(dataset.lengths[rows].max())))


def gradients(model: TrainingModel, batch: BatchTensors) -> dict[str, torch.Tensor | None]:
    model.zero_grad(set_to_none=True)
    model(batch).sum().backward()
    return {name: weight.grad for name, weight in model.named_parameters()}


def test_a_batch_without_images_leaves_no_trainable_part_without_a_gradient(
    runner: StageRunner,
) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    for name, gradient in gradients(model, batch_of(runner, "tiny/text")).items():
        if "vision_tower" in name:
            assert gradient is None
        elif "projector" in name:
            assert gradient is not None
            assert not gradient.any(), "unused parts get a zero gradient"
        else:
            assert gradient is not None


def test_an_empty_micro_batch_has_zero_gradients(runner: StageRunner) -> None:
    dataset = runner.tokenize()
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    empty = collate(MicroBatch(torch.zeros(0, dtype=torch.long).numpy(), 0))
    assert not len(empty.targets_a)
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    for name, gradient in gradients(model, empty).items():
        assert "vision_tower" in name or (gradient is not None and not gradient.any())


def test_padding_and_the_rows_next_to_it_change_no_loss(runner: StageRunner) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    batch = batch_of(runner, "tiny/color", 4)
    together = model(batch)
    alone = torch.cat([model(batch_of_row(batch, row)) for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def batch_of_row(batch: BatchTensors, row: int) -> BatchTensors:
    length = batch.token_ids_bl.shape[1]
    is_own = batch.target_positions_a // length == row
    image_positions = batch.image_positions_p[batch.image_positions_p // length == row]
    return BatchTensors(
        token_ids_bl=batch.token_ids_bl[row : row + 1],
        target_positions_a=batch.target_positions_a[is_own] % length,
        targets_a=batch.targets_a[is_own],
        task_ids_a=batch.task_ids_a[is_own],
        image_positions_p=image_positions % length,
        image_inputs={name: value[row : row + 1] for name, value in batch.image_inputs.items()},
    )


def test_activations_are_recomputed_with_gradient_checkpointing(runner: StageRunner) -> None:
    model = TrainingModel(runner.initial_model.vlm, ("connector", "language_model"))
    passed = []
    layer = runner.initial_model.vlm.language_model.get_submodule("layers.0.input_layernorm")
    hook = layer.register_forward_hook(lambda *_: passed.append(1))
    gradients(model, batch_of(runner, "tiny/color"))
    assert len(passed) == 1
    enable_gradient_checkpointing(runner.initial_model.vlm)
    gradients(model, batch_of(runner, "tiny/color"))
    assert len(passed) == 3
    hook.remove()


def test_a_frozen_vision_tower_keeps_no_activations(runner: StageRunner) -> None:
    vlm = runner.initial_model.vlm
    TrainingModel(vlm, ("connector", "language_model"))
    enable_gradient_checkpointing(vlm)
    images = batch_of(runner, "tiny/color").image_inputs
    assert isinstance(vlm, FeatureModel)
    assert not vlm.encode_images(images["pixel_values"]).requires_grad
