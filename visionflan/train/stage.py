"""Train one stage in its directory: from the initial model to its checkpoint."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from visionflan.storage.trained_images import merge_trained_images
from visionflan.train.checkpoint import save_checkpoint
from visionflan.train.config import OUTCOME_FORMAT
from visionflan.train.config_io import to_json
from visionflan.train.data_record import data_summary, seen_totals
from visionflan.train.precision import compute_dtype, frozen_dtype
from visionflan.train.prepare_model import enable_gradient_checkpointing, prepare_model
from visionflan.train.quantization import quantize_decoder
from visionflan.train.sharding import place_model
from visionflan.train.stage_inputs import StageInputs
from visionflan.train.trainer import Trainer, ignore_line
from visionflan.train.training_state import bind_source
from visionflan.train.validation_data import validation_of


@dataclass
class StageRunner(StageInputs):
    """Train one stage of a run."""

    log: Callable[[str], None] = ignore_line

    def run(self) -> dict[str, Any]:
        """Train the stage, save its checkpoint, and return the content of its run.json."""
        trainer = self.build_trainer()
        seconds = trainer.run()
        run = {
            "format": OUTCOME_FORMAT,
            "recipe": self.config.name,
            "stage": self.stage.name,
            "config": to_json(self.config),
            "data": data_summary(self.build, trainer.dataset, self.stage.data.row_list),
            "initialized_from": self.initial_model.source,
            "seed": self.config.seed,
            "steps": trainer.steps_taken,
            **seen_totals(trainer.sampler, trainer.dataset, trainer.steps_taken),
            "elapsed_seconds": seconds,
            "world_size": self.distributed.world_size,
            "num_threads": torch.get_num_threads(),
        }
        trained = merge_trained_images(self.trained_images(trainer.dataset))
        for name, validation in trainer.checkpoints():
            run |= validation
            if self.distributed.is_main_process:  # of a run that was killed here
                shutil.rmtree(self.directory / name, ignore_errors=True)
            save_checkpoint(
                self.directory / name,
                trainer.model,
                run=run,
                trained=trained,
                reopen=self.open_initial_model,
                distributed=self.distributed,
            )
        return run

    def build_trainer(self) -> Trainer:
        """Build the trainer, with the tokenized data and the model on its device."""
        dataset = self.tokenize()
        vlm, runtime, device = self.initial_model.vlm, self.config.runtime, self.distributed.device
        if self.distributed.is_main_process:
            bind_source(self.directory / "resume", self.initial_model.source)
        dtype = compute_dtype(runtime, device)
        quantize_decoder(vlm, self.stage, device, dtype)
        model = prepare_model(vlm, self.stage, self.config.seed)
        if runtime.gradient_checkpointing:
            enable_gradient_checkpointing(vlm)
        images = self.images(dataset)
        validation = validation_of(self, model)
        place_model(
            model,
            self.distributed,
            compute_dtype=dtype,
            frozen_dtype=frozen_dtype(self.config, self.stage, device),
            shard_size=runtime.shard_size,
        )
        return Trainer(
            directory=self.directory,
            config=self.config,
            stage=self.stage,
            dataset=dataset,
            model=model,
            collate=self.collator(dataset, images),
            distributed=self.distributed,
            validation=validation,
            log=self.log,
        )

    def remove_temporary_files(self) -> None:
        """Remove what only an unfinished stage needs."""
        if self.distributed.is_main_process:
            for data in ("tokenized", "validation/tokenized"):
                shutil.rmtree(self.directory / data, ignore_errors=True)
            shutil.rmtree(self.directory / "resume", ignore_errors=True)
            if self.stage == self.config.stages[-1]:
                shutil.rmtree(self.out / "features", ignore_errors=True)
        self.distributed.barrier()
