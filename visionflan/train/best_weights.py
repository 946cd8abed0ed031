"""The weights with the lowest held-out loss, beside the state that a stage resumes from."""

import shutil
import warnings
from pathlib import Path

from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from visionflan.atomic_write import fsync_path
from visionflan.errors import TrainingError
from visionflan.train.distributed import DistributedContext
from visionflan.train.training_model import TrainingModel
from visionflan.train.training_state import TRAINABLE_ONLY


class SavedWeights:
    """The trainable weights after some steps, each in a directory; each rank writes its shards.

    Those of all improvements since the last complete state are there, because a run that is killed
    goes on from that state, and may then need any of them.
    """

    def __init__(
        self, directory: Path, model: TrainingModel, distributed: DistributedContext
    ) -> None:
        self.directory, self.model, self.distributed = directory, model, distributed

    def save(self, step: int) -> None:
        """Write the weights of the model under a temporary name, and rename it."""
        final = self.path(step)
        temporary = self.directory / f".{final.name}"
        if self.distributed.is_main_process:
            shutil.rmtree(final, ignore_errors=True)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        self.distributed.barrier()
        weights = get_model_state_dict(self.model, options=TRAINABLE_ONLY)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                save(weights, checkpoint_id=temporary)
            except CheckpointException as error:
                raise TrainingError(
                    f"the best weights could not be written to {self.directory} "
                    f"({next(iter(error.failures.values()))[0]}): free some disk space and train "
                    "again, which resumes from the last state"
                ) from error
        if self.distributed.is_main_process:
            temporary.rename(final)
            fsync_path(self.directory)
        self.distributed.barrier()

    def load(self, step: int) -> None:
        """Load the weights after a step into the model."""
        weights = get_model_state_dict(self.model, options=TRAINABLE_ONLY)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(weights, checkpoint_id=self.path(step))
        set_model_state_dict(self.model, weights, options=TRAINABLE_ONLY)

    def keep(self, steps: range) -> None:
        """Delete the weights after all other steps than some."""
        if self.distributed.is_main_process:
            for path in self.directory.glob("step-*"):
                if step_of(path) not in steps:
                    shutil.rmtree(path)

    def path(self, step: int) -> Path:
        """Return the directory of the weights after a step."""
        return self.directory / f"step-{step:08d}"


def step_of(directory: Path) -> int:
    """Return the step that the name of a directory of weights or of a state ends with."""
    return int(directory.name.removeprefix("step-"))
