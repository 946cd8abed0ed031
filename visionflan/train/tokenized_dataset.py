"""The instances of a stage, tokenized once and stored as memory-mapped arrays.

An image is a single token here; the collator repeats it for each of the image's features.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.chat_tokenizer import ChatTokenizer, TokenizedConversation
from visionflan.plural import counted
from visionflan.progress import ProgressBar
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.train.config import MixtureConfig, StageConfig
from visionflan.train.selection import select_instances

CHUNK_SIZE = 1000
# The prompts of the first rows are also tokenized as for generation, to check that both agree.
NUM_CHECKED = 16
ARRAYS = (
    "instance_indices",
    "task_ids",
    "lengths",
    "num_target_tokens",
    "offsets",
    "token_ids",
    "loss_mask",
)


class TokenizedRow(NamedTuple):
    """A tokenized instance, with the ids of its images."""

    token_ids: NDArray[np.int32]
    loss_mask: NDArray[np.bool_]  # True for the tokens of answers
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
    dropped: dict[str, int]  # number of unusable instances by reason
    noted: dict[str, int]  # number of instances that were changed, by reason

    def __len__(self) -> int:
        return len(self.instance_indices)

    def instance(self, row: int) -> Instance:
        """Return the instance of a row."""
        return self.instances[int(self.instance_indices[row])]

    def row(self, row: int) -> TokenizedRow:
        """Return the tokens and image ids of a row."""
        tokens = slice(int(self.offsets[row]), int(self.offsets[row + 1]))
        image_ids = list(self.instance(row).images)
        return TokenizedRow(
            np.array(self.token_ids[tokens]), np.array(self.loss_mask[tokens]), image_ids
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
        repr(stage.data),
        seed,
        stage.max_seq_len,
        chat_tokenizer.chat_template,
        chat_tokenizer.tokenizer.backend_tokenizer.to_str(),
        chat_tokenizer.tokens_per_image,
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
        metadata = write_arrays(instances, stage, chat_tokenizer, directory)
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
        raise TrainingError(
            f"stage {stage.name}: of {counted(read, 'instance')}, {dropped:,} cannot be "
            f"used for training ({reasons}); see {directory / 'ledger.jsonl'}. Fix them or raise "
            f"`stages.{stage.name}.data.max_dropped_fraction`"
        )
    return dataset


class EncodedRow(NamedTuple):
    """A row before it is written into the arrays."""

    instance_index: int
    task: str
    length: int  # with all tokens of each image
    token_ids: NDArray[np.int32]
    loss_mask: NDArray[np.bool_]


def write_arrays(
    instances: Instances, stage: StageConfig, chat_tokenizer: ChatTokenizer, directory: Path
) -> dict[str, object]:
    """Tokenize instances into arrays and a ledger; return the metadata of the dataset."""
    ledger = TrainingLedger()
    usable = tokenize_rows(instances, stage, chat_tokenizer, ledger)
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
    }
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)
    lines = "".join(f"{json.dumps(line)}\n" for line in ledger.lines)
    (directory / "ledger.jsonl").write_text(lines)
    return {"tasks": tasks, "dropped": ledger.dropped, "noted": ledger.noted}


def within_budget(
    rows: Iterable[EncodedRow], mixture: MixtureConfig | None
) -> Iterator[EncodedRow]:
    """Yield rows until the budget of a mixture is reached; the ledger ends with the last one."""
    num_rows = num_target_tokens = 0
    for row in rows:
        yield row
        num_rows, num_target_tokens = num_rows + 1, num_target_tokens + int(row.loss_mask.sum())
        if mixture is None:
            continue
        if num_rows == mixture.rows or num_target_tokens >= (mixture.target_tokens or inf):
            return


class TrainingLedger:
    """The instances that were dropped or changed, with the reasons."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []
        self.dropped: dict[str, int] = {}
        self.noted: dict[str, int] = {}

    def add(self, kind: str, instance_id: str, reason: str, detail: str) -> None:
        """Record an instance that was dropped (`dropped`) or changed (`note`)."""
        self.lines.append({"id": instance_id, "kind": kind, "reason": reason, "detail": detail})
        counts = self.dropped if kind == "dropped" else self.noted
        counts[reason] = counts.get(reason, 0) + 1


def tokenize_rows(
    instances: Instances, stage: StageConfig, chat_tokenizer: ChatTokenizer, ledger: TrainingLedger
) -> Iterator[EncodedRow]:
    """Yield the rows of the usable instances, tokenized in chunks."""
    with ProgressBar(f"{stage.name}: tokenizing", len(instances), unit="rows", leave=True) as bar:
        for begin in range(0, len(instances), CHUNK_SIZE):
            chunk = list(instances[begin : begin + CHUNK_SIZE])
            errors = [unusable_error(instance, chat_tokenizer) for instance in chunk]
            usable = [i.turns for i, error in zip(chunk, errors, strict=True) if error is None]
            rows = iter(chat_tokenizer.encode_conversations(usable) if usable else [])
            for index, (instance, error) in enumerate(zip(chunk, errors, strict=True), begin):
                if error is not None:
                    ledger.add("dropped", instance.id, error.reason, error.detail)
                    continue
                row = next(rows)
                check_row(instance, row, chat_tokenizer, check_prompt=index < NUM_CHECKED)
                yield from truncate(index, instance, row, stage, chat_tokenizer, ledger)
            bar.update(CHUNK_SIZE)


def unusable_error(instance: Instance, chat_tokenizer: ChatTokenizer) -> UnusableError | None:
    """Return why an instance cannot be used for training; None if it can."""
    try:
        chat_tokenizer.validate(instance.turns, len(instance.images))
    except UnusableError as error:
        return error
    return None


def check_row(
    instance: Instance,
    row: TokenizedConversation,
    chat_tokenizer: ChatTokenizer,
    *,
    check_prompt: bool,
) -> None:
    """Raise TrainingError if the loss mask is empty, or the prompt differs from generation's."""
    if not any(row.loss_mask):
        raise TrainingError(
            f"instance {instance.id} has no token to train on: the chat template marks no answer "
            "in its conversation"
        )
    if check_prompt:
        chat_tokenizer.check_prompt_prefix(instance.turns, row)


def truncate(
    index: int,
    instance: Instance,
    row: TokenizedConversation,
    stage: StageConfig,
    chat_tokenizer: ChatTokenizer,
    ledger: TrainingLedger,
) -> Iterator[EncodedRow]:
    """Yield the row, cut at `max_seq_len`; drop it if an image or all answers would be cut off."""
    image_token = chat_tokenizer.image_token_id
    extra = row.token_ids.count(image_token) * (chat_tokenizer.tokens_per_image - 1)
    length, num_kept = len(row.token_ids) + extra, max(0, stage.max_seq_len - extra)
    if length > stage.max_seq_len:
        detail = f"{counted(length, 'token')}, but max_seq_len is {stage.max_seq_len}"
        removed = row.token_ids[num_kept:]
        row = TokenizedConversation(row.token_ids[:num_kept], row.loss_mask[:num_kept])
        if image_token in removed or not any(row.loss_mask):
            ledger.add("dropped", instance.id, "too_long", detail)
            return
        ledger.add("note", instance.id, "truncated", detail)
        length = stage.max_seq_len
    token_ids, loss_mask = np.array(row.token_ids, np.int32), np.array(row.loss_mask, np.bool_)
    yield EncodedRow(index, instance.task, length, token_ids, loss_mask)
