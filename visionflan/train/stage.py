"""One stage of a run in its folder: from its parent to its checkpoint."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.fingerprint import ModelFingerprint, fingerprint_model
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.conversations import write_conversations
from visionflan.train.checkpoint import (
    InitialModel,
    is_complete,
    open_parent,
    open_start,
    read_run,
    save_checkpoint,
)
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.config_io import to_json
from visionflan.train.distributed import DistributedContext, shard_model
from visionflan.train.image_loader import FeatureCache, ImageLoader, cached_features
from visionflan.train.tokenized_dataset import TokenizedDataset, tokenize_stage
from visionflan.train.trainer import Trainer
from visionflan.train.training_model import Collator, TrainingModel


@dataclass
class StageRunner:
    """A stage about to be trained."""

    config: TrainConfig
    stage: StageConfig
    out: Path
    world: DistributedContext

    @property
    def folder(self) -> Path:
        """Where the stage keeps what it makes."""
        return self.out / self.stage.name

    def run(self) -> dict[str, Any]:
        """Train the stage, save its checkpoint, and give what its run.json tells."""
        loop = self.loop()
        seconds = loop.run()
        told = {
            "recipe": self.config.name,
            "stage": self.stage.name,
            "config": to_json(self.config),
            "data": self.data(loop.rows),
            "parent": self.parent.origin,
            "seed": self.config.seed,
            "steps": loop.plan.steps,
            "seconds": seconds,
            "processes": self.world.processes,
        }
        save_checkpoint(
            self.folder / "checkpoint",
            loop.learner,
            precision=self.config.checkpoint_dtype,
            told=told,
            world=self.world,
        )
        return told

    def loop(self) -> Trainer:
        """Put together what is trained, on what, and how."""
        rows = self.encoded()
        learner = TrainingModel(self.parent.vlm, self.stage.trainable)
        if self.config.runtime.gradient_checkpointing:
            enable_gradient_checkpointing(self.parent.vlm)
        images = self.images(rows)
        shard_model(learner, self.world)
        collate = Collator(rows, self.encoder, images)
        runtime, seed = self.config.runtime, self.config.seed
        return Trainer(self.folder, self.stage, runtime, seed, rows, learner, collate, self.world)

    @cached_property
    def source(self) -> BuildDirectory:
        """The build directory that the stage reads."""
        build = self.stage.data.build or self.config.build
        if build is None:
            raise TrainingError(
                f"stage {self.stage.name} has nothing to read: give --build, or set "
                f"stages.{self.stage.name}.data.build."
            )
        if (count := self.stage.data.synthetic_conversations) is not None:
            return self.conversations(BuildDirectory(build), count)
        return BuildDirectory(build)

    def conversations(self, build: BuildDirectory, count: int) -> BuildDirectory:
        """Write the conversations of this run, in the first process, and open them in all."""
        out = self.out / "conversations"
        if self.world.first:
            write_conversations(build, out, count, self.config.seed)
        self.world.wait()
        return BuildDirectory(out)

    @cached_property
    def encoder(self) -> ChatTokenizer:
        """What turns the stage's conversations into tokens."""
        return self.parent.vlm.make_chat_tokenizer(self.parent.vlm.processor)

    @cached_property
    def parent(self) -> InitialModel:
        """What the stage starts from: the checkpoint of the stage before, or the run's start."""
        names = [stage.name for stage in self.config.stages]
        before = self.config.stages[: names.index(self.stage.name)]
        mark = self.out / "start.json"
        if not before:
            parent = open_start(self.config.init, self.config.seed)
            if self.world.first:
                write_json(mark, fingerprint_model(parent.vlm)._asdict())
            return parent
        checkpoint = self.out / before[-1].name / "checkpoint"
        if not is_complete(checkpoint):
            raise TrainingError(
                f"stage {self.stage.name} starts from {before[-1].name}, which has no checkpoint "
                f"in {self.out}: train that one first."
            )
        expected = ModelFingerprint(**json.loads(mark.read_bytes()))
        if any("vision_tower" in stage.trainable for stage in before):
            expected = expected._replace(
                vision_tower=read_run(checkpoint)["identity"]["vision_tower"]
            )
        return open_parent(checkpoint, expected)

    def encoded(self) -> TokenizedDataset:
        """Encode the stage's instances once, in the first process, and open them in all."""
        given = self.source, self.stage, self.encoder, self.folder / "rows"
        if self.world.first:
            tokenize_stage(*given, seed=self.config.seed)
            shutil.copy(self.folder / "rows" / "ledger.jsonl", self.folder)
        self.world.wait()
        rows = tokenize_stage(*given, seed=self.config.seed)
        longest = int(rows.lengths.max())
        known = self.parent.vlm.max_positions
        if known is not None and longest > known:
            raise TrainingError(
                f"stage {self.stage.name} has rows of {longest} tokens, and the language model "
                f"knows {known} positions: set stages.{self.stage.name}.max_seq_len."
            )
        return rows

    def images(self, rows: TokenizedDataset) -> ImageLoader | FeatureCache:
        """Choose how images are brought: read each time, or kept in the form that is told."""
        cache = self.config.runtime.image_cache
        pictures = ImageLoader(self.source, self.parent.vlm.processor, keep=cache == "pixels")
        if cache != "features":
            return pictures
        if "vision_tower" in self.stage.trainable:
            raise TrainingError(
                f"stage {self.stage.name} trains the tower, whose features can then not be kept: "
                "set runtime.image_cache to pixels or none."
            )
        file = self.out / "features" / f"{feature_cache_key(self.parent, rows.images)}.npy"
        if self.world.first:
            file.parent.mkdir(exist_ok=True)
            cached_features(self.parent.vlm, pictures, rows.images, file)
        self.world.wait()
        return cached_features(self.parent.vlm, pictures, rows.images, file)

    def data(self, rows: TokenizedDataset) -> dict[str, Any]:
        """Tell what was read, and what was lost or cut of it."""
        return {
            "build": str(self.source.path),
            "digest": self.source.digest,
            "instances": len(rows),
            "tasks": rows.tasks,
            "lost": rows.lost,
            "noted": rows.noted,
        }

    def tidy(self) -> None:
        """Remove what only a stage that is not done needs."""
        if self.world.first:
            shutil.rmtree(self.folder / "rows", ignore_errors=True)
            shutil.rmtree(self.folder / "resume", ignore_errors=True)
            if self.stage == self.config.stages[-1]:
                shutil.rmtree(self.out / "features", ignore_errors=True)
        self.world.wait()


def feature_cache_key(parent: InitialModel, names: list[str]) -> str:
    """Name what the features of these images depend on; stages that share it share the file."""
    parts = [
        fingerprint_model(parent.vlm).vision_tower,
        *parent.vlm.feature_settings,
        parent.vlm.processor.image_processor.to_json_string(),
        *names,
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def enable_gradient_checkpointing(vlm: VisionLanguageModel) -> None:
    """Forget activations and compute them again; later versions of the library rename this."""
    model: Any = vlm.model
    enable = getattr(model, "activation_checkpointing_enable", None)
    (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
