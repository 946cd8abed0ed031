"""The instances of a stage, tokenized once and stored as memory-mapped arrays.

A run of image tokens is a single one here; the collator repeats it as often as the model reads it.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError
from visionflan.model.chat_tokenizer import PROBE_SIZES, ChatTokenizer
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.storage.row_list import row_list_digest
from visionflan.train.config import StageConfig
from visionflan.train.row_tokenizer import RowTokenizer, TrainingLedger, within_budget
from visionflan.train.selection import select_instances

ARRAYS = (
    "instance_indices",
    "task_ids",
    "lengths",
    "num_target_tokens",
    "offsets",
    "token_ids",
    "loss_mask",
    "run_offsets",
    "image_runs",
)


class TokenizedRow(NamedTuple):
    """A tokenized instance, with the ids of its images."""

    token_ids: NDArray[np.int32]
    loss_mask: NDArray[np.bool_]  # True for the tokens of answers
    image_runs: NDArray[np.int32]  # the lengths of the runs of image tokens
    image_ids: list[str]


@dataclass(frozen=True)
class TokenizedDataset:
    """All rows of a stage, as arrays (n rows, t tokens in total)."""

    directory: Path
    instances: Instances
    tasks: list[str]
    instance_indices: NDArray[np.int64]  # (n): position in `instances`
    task_ids: NDArray[np.int32]  # (n): position in `tasks`
    lengths: NDArray[np.int32]  # (n): tokens that the model reads, with all tokens of each image
    num_target_tokens: NDArray[np.int32]  # (n): tokens in the loss mask
    offsets: NDArray[np.int64]  # (n + 1): row i is token_ids[offsets[i] : offsets[i + 1]]
    token_ids: NDArray[np.int32]  # (t)
    loss_mask: NDArray[np.bool_]  # (t)
    run_offsets: NDArray[np.int64]  # (n + 1): of row i, image_runs[run_offsets[i] : ...[i + 1]]
    image_runs: NDArray[np.int32]  # lengths of the runs of image tokens of all rows
    dropped: dict[str, int]  # number of unusable instances by reason
    noted: dict[str, int]  # number of instances that were changed, by reason

    def __len__(self) -> int:
        return len(self.instance_indices)

    def instance(self, row: int) -> Instance:
        """Return the instance of a row."""
        return self.instances[int(self.instance_indices[row])]

    def row(self, row: int) -> TokenizedRow:
        """Return the tokens and image ids of a row."""
        tokens, runs = (
            slice(int(offsets[row]), int(offsets[row + 1]))
            for offsets in (self.offsets, self.run_offsets)
        )
        return TokenizedRow(
            np.array(self.token_ids[tokens]),
            np.array(self.loss_mask[tokens]),
            np.array(self.image_runs[runs]),
            list(self.instance(row).images),
        )

    @cached_property
    def image_ids(self) -> list[str]:
        """The sorted ids of all images of the rows."""
        images = self.instances.column("images")
        indices = self.instance_indices.tolist()
        return sorted({image_id for index in indices for image_id in images[index]})


def tokenization_key(
    build: BuildDirectory, stage: StageConfig, chat_tokenizer: ChatTokenizer, seed: int
) -> str:
    """Return a hash of everything that the tokenized rows depend on."""
    parts = [
        build.digest,
        repr(replace(stage.data, row_list=None)),
        row_list_digest(stage.data.row_list),
        seed,
        stage.max_seq_len,
        chat_tokenizer.chat_template,
        chat_tokenizer.tokenizer.backend_tokenizer.to_str(),
        chat_tokenizer.images.written(PROBE_SIZES),
        chat_tokenizer.processor.image_processor.to_json_string(),
    ]
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def tokenize_stage(
    build: BuildDirectory,
    stage: StageConfig,
    chat_tokenizer: ChatTokenizer,
    directory: Path,
    *,
    seed: int,
) -> TokenizedDataset:
    """Tokenize a stage's instances into a directory, or open what an earlier run left there."""
    instances = select_instances(build, stage.data, seed)
    key = tokenization_key(build, stage, chat_tokenizer, seed)
    metadata_file = directory / "metadata.json"
    if not metadata_file.is_file() or json.loads(metadata_file.read_bytes())["key"] != key:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        metadata = write_arrays(build, instances, stage, chat_tokenizer, directory)
        write_json(metadata_file, {"key": key, **metadata})
    return open_tokenized(instances, directory, stage)


def open_tokenized(instances: Instances, directory: Path, stage: StageConfig) -> TokenizedDataset:
    """Open tokenized rows. Raises TrainingError if too many instances were dropped."""
    metadata = json.loads((directory / "metadata.json").read_bytes())
    arrays = {name: np.load(directory / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    dataset = TokenizedDataset(
        directory,
        instances,
        metadata["tasks"],
        **arrays,
        dropped=metadata["dropped"],
        noted=metadata["noted"],
    )
    dropped = sum(dataset.dropped.values())
    read = len(dataset) + dropped
    if dropped > stage.data.max_dropped_fraction * read or not len(dataset):
        counts = sorted(dataset.dropped.items())
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts)
        advice = f". Fix them or raise `stages.{stage.name}.data.max_dropped_fraction`"
        raise TrainingError(
            f"stage {stage.name}: of {counted(read, 'instance')}, {dropped:,} cannot be "
            f"used for training ({reasons}); see {directory / 'ledger.jsonl'}"
            f"{advice if stage.data.max_dropped_fraction < 1 else ''}"
        )
    return dataset


def write_arrays(
    build: BuildDirectory,
    instances: Instances,
    stage: StageConfig,
    chat_tokenizer: ChatTokenizer,
    directory: Path,
) -> dict[str, object]:
    """Tokenize instances into arrays and a ledger; return the metadata of the dataset."""
    ledger = TrainingLedger()
    usable = RowTokenizer(build, stage, chat_tokenizer, ledger).rows(instances)
    rows = list(within_budget(usable, stage.data.mixture))
    tasks = sorted({row.task for row in rows})
    task_ids = {task: number for number, task in enumerate(tasks)}
    arrays: dict[str, NDArray[np.generic]] = {
        "instance_indices": np.array([row.instance_index for row in rows], dtype=np.int64),
        "task_ids": np.array([task_ids[row.task] for row in rows], dtype=np.int32),
        "lengths": np.array([row.length for row in rows], dtype=np.int32),
        "num_target_tokens": np.array([row.loss_mask.sum() for row in rows], dtype=np.int32),
        "offsets": np.cumsum([0, *(len(row.token_ids) for row in rows)], dtype=np.int64),
        "token_ids": np.concatenate([row.token_ids for row in rows] or [np.zeros(0, np.int32)]),
        "loss_mask": np.concatenate([row.loss_mask for row in rows] or [np.zeros(0, np.bool_)]),
        "run_offsets": np.cumsum([0, *(len(row.image_runs) for row in rows)], dtype=np.int64),
        "image_runs": np.concatenate([row.image_runs for row in rows] or [np.zeros(0, np.int32)]),
    }
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)
    lines = "".join(f"{json.dumps(line)}\n" for line in ledger.lines)
    (directory / "ledger.jsonl").write_text(lines)
    return {"tasks": tasks, "dropped": ledger.dropped, "noted": ledger.noted}
