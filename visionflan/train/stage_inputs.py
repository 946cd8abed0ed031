"""What a stage starts from and trains on: its initial model, tokenized instances and images."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from visionflan.atomic_write import write_json
from visionflan.builder.conversations import write_conversations
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import load_template
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.feature_model import FeatureModel
from visionflan.model.fingerprint import ModelFingerprint, fingerprint_model
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.trained_images import (
    TrainedImages,
    images_of_build,
    read_part_images,
    read_trained_images,
)
from visionflan.train.cache_size import check_feature_space, check_pixel_memory
from visionflan.train.checkpoint import (
    InitialModel,
    is_complete,
    open_initial_model,
    open_previous_stage,
    read_run_json,
)
from visionflan.train.collator import Collator
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.data_record import write_rows
from visionflan.train.distributed import DistributedContext
from visionflan.train.feature_cache import FeatureCache, cached_features, feature_cache_key
from visionflan.train.image_loader import ImageLoader
from visionflan.train.model_broadcast import open_on_all
from visionflan.train.pixel_loader import PixelLoader
from visionflan.train.tokenized_dataset import TokenizedDataset, tokenize_stage


@dataclass
class StageInputs:
    """The inputs of one stage of a run.

    Attributes:
        config: that of the run.
        stage: that of the stage.
        out: the directory of the run.
        distributed: the processes that train together.
    """

    config: TrainConfig
    stage: StageConfig
    out: Path
    distributed: DistributedContext

    @property
    def directory(self) -> Path:
        """The stage's directory."""
        return self.out / self.stage.name

    @cached_property
    def build(self) -> BuildDirectory:
        """The build directory that the stage trains on."""
        path = self.stage.data.build or self.config.build
        assert path is not None
        if (count := self.stage.data.synthetic_conversations) is not None:
            return self.write_conversations(BuildDirectory(path), count)
        return BuildDirectory(path)

    def write_conversations(self, build: BuildDirectory, count: int) -> BuildDirectory:
        """Write the run's synthetic conversations in the main process, and open them on all."""
        out = self.out / "conversations"
        if self.distributed.is_main_process:
            write_conversations(build, out, count, self.config.seed)
        self.distributed.barrier()
        return BuildDirectory(out)

    @cached_property
    def chat_tokenizer(self) -> ChatTokenizer:
        """The tokenizer of the stage's conversations."""
        vlm, name = self.initial_model.vlm, self.stage.chat_template
        return vlm.make_chat_tokenizer(vlm.processor, load_template(name) if name else "")

    @cached_property
    def initial_model(self) -> InitialModel:
        """The checkpoint of the previous stage or, for the first stage, the run's initial model.

        Only the main process has its weights.
        """
        return open_on_all(self.open_initial_model, self.distributed)

    def open_initial_model(self) -> InitialModel:
        """Open the stage's initial model. Raises TrainingError if it is not as expected."""
        previous = self.previous_stages
        fingerprint_file = self.out / "initial_model.json"
        if not previous:
            initial = open_initial_model(self.config.init, self.config.seed)
            write_json(fingerprint_file, fingerprint_model(initial.vlm)._asdict())
            return initial
        checkpoint = self.out / previous[-1].name / "checkpoint"
        if not is_complete(checkpoint):
            raise TrainingError(
                f"stage {self.stage.name} starts from {previous[-1].name}, which has no checkpoint "
                f"in {self.out}: train that stage first"
            )
        expected = ModelFingerprint(**json.loads(fingerprint_file.read_bytes()))
        if any("vision_tower" in stage.trainable for stage in previous):
            trained = read_run_json(checkpoint)["fingerprint"]["vision_tower"]
            expected = expected._replace(vision_tower=trained)
        return open_previous_stage(checkpoint, expected)

    def tokenize(self) -> TokenizedDataset:
        """Tokenize the stage's instances in the main process, and open them on all ranks."""
        directory = self.directory / "tokenized"
        inputs, seed = (self.build, self.stage, self.chat_tokenizer, directory), self.config.seed
        if self.distributed.is_main_process:
            rows = tokenize_stage(*inputs, seed=seed)
            shutil.copy(directory / "ledger.jsonl", self.directory)
            if self.stage.data.mixture is not None:
                write_rows(self.directory / "rows.jsonl", rows)
        self.distributed.barrier()
        dataset = tokenize_stage(*inputs, seed=seed)
        self.check_positions(dataset)
        return dataset

    def check_positions(self, dataset: TokenizedDataset) -> None:
        """Raise TrainingError if a row is longer than the language model can read."""
        longest = int(dataset.lengths.max())
        positions = self.initial_model.vlm.max_positions
        if positions is not None and longest > positions:
            raise TrainingError(
                f"stage {self.stage.name} has rows of {counted(longest, 'token')}, but the "
                f"language model has {positions} positions: set "
                f"stages.{self.stage.name}.max_seq_len to at most {positions}"
            )

    def collator(
        self, dataset: TokenizedDataset, images: ImageLoader | PixelLoader | FeatureCache
    ) -> Collator:
        """Return what collates rows; batches for a GPU are pinned."""
        pin_memory = self.distributed.device.type == "cuda"
        return Collator(dataset, self.chat_tokenizer, images, pin_memory=pin_memory)

    def images(
        self, dataset: TokenizedDataset, build: BuildDirectory | None = None
    ) -> ImageLoader | PixelLoader | FeatureCache:
        """Return the loader of images or the cached features, as `image_cache` is set.

        The images are those of another build if one is passed.
        """
        build = build or self.build
        image_cache, vlm = self.config.runtime.image_cache, self.initial_model.vlm
        if not isinstance(vlm, FeatureModel):
            return ImageLoader(build, vlm.prepare_images)
        loader = PixelLoader(build, vlm.processor, cache_pixels=image_cache == "pixels")
        if image_cache == "pixels":
            check_pixel_memory(vlm, len(dataset.image_ids))
        return self.features(vlm, loader, dataset) if image_cache == "features" else loader

    def features(
        self, vlm: FeatureModel, loader: PixelLoader, dataset: TokenizedDataset
    ) -> FeatureCache:
        """Return the features of all images, computed by the main process if they are missing."""
        image_ids = dataset.image_ids
        directory = self.config.runtime.feature_cache_dir or self.out / "features"
        file = directory
        if self.distributed.is_main_process:
            file = directory / f"{feature_cache_key(vlm, image_ids)}.npy"
            directory.mkdir(parents=True, exist_ok=True)
            if not file.is_file():
                check_feature_space(vlm, len(image_ids), directory)
            cached_features(vlm, loader, image_ids, file)
        file = self.distributed.from_main_process(file)
        return cached_features(vlm, loader, image_ids, file)

    def trained_images(self, dataset: TokenizedDataset) -> Iterator[TrainedImages]:
        """Yield the images of this stage, and those of what it started from."""
        yield images_of_build(self.build, dataset.image_ids)
        if previous := self.previous_stages:
            yield read_trained_images(self.out / previous[-1].name / "checkpoint")
            return
        init = self.config.init
        if init.checkpoint is not None:
            yield read_trained_images(init.checkpoint)
            return
        for part in (init.vision_tower, init.language_model):
            if part is not None:
                yield read_part_images(part)

    @property
    def previous_stages(self) -> Sequence[StageConfig]:
        """The stages before this one."""
        names = [stage.name for stage in self.config.stages]
        return self.config.stages[: names.index(self.stage.name)]
