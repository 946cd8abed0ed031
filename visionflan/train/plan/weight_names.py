"""Check settings that name weights before any stage is trained."""

from collections.abc import Sequence

from torch._subclasses.fake_tensor import FakeTensorMode

from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.optimizer import learning_rate_by_weight
from visionflan.train.plan.measure import training_model, without_quantization


def check_weight_names(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise UnknownNameError if a pattern of a stage matches no weight that the stage trains.

    Raises TrainingError if no layer can use the rank of an adapter.

    A model that is pretrained here does not exist yet, and is checked when its stage starts.
    """
    if config.pretrain is not None:
        return
    for stage in filter(names_weights, stages):
        with FakeTensorMode(allow_non_fake_inputs=True):
            model = training_model(config, without_quantization(stage))
        learning_rate_by_weight(model, stage)


def names_weights(stage: StageConfig) -> bool:
    """Return whether a stage has settings that name weights or layers, or an adapter of some."""
    return bool(stage.frozen or stage.learning_rates or stage.adapter)
