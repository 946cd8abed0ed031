"""The instances of a stage, encoded once and kept as memory-mapped arrays.

An image is one token here; it is spread over its features when a batch is made.
"""

import hashlib
import heapq
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from visionflan.atomic_write import write_json
from visionflan.catalog import match_tasks
from visionflan.errors import TrainingError, UnusableError
from visionflan.hashing import stable_hash
from visionflan.model.chat_tokenizer import ChatTokenizer, TokenizedConversation
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.train.config import DataConfig, StageConfig

CHUNK = 1000
# So many prompts are encoded a second time, to see that asking gives the same tokens.
NUM_CHECKED = 16


class TokenizedRow(NamedTuple):
    """An encoded instance: its tokens, which are to be learnt, and its images by id."""

    tokens: NDArray[np.int32]
    learned: NDArray[np.bool_]
    images: list[str]


@dataclass(frozen=True)
class TokenizedDataset:
    """All rows of a stage; `lengths` count what the model reads, `learnt` what it is taught."""

    folder: Path
    instances: Instances
    tasks: list[str]
    places: NDArray[np.int64]
    task: NDArray[np.int32]
    lengths: NDArray[np.int32]
    taught: NDArray[np.int32]
    ends: NDArray[np.int64]
    tokens: NDArray[np.int32]
    learned: NDArray[np.bool_]
    lost: dict[str, int]
    noted: dict[str, int]

    def __len__(self) -> int:
        return len(self.places)

    def instance(self, row: int) -> Instance:
        """Give the instance that a row was made of."""
        return self.instances[int(self.places[row])]

    def row(self, row: int) -> TokenizedRow:
        """Give the tokens and images of a row."""
        end = int(self.ends[row])
        begin = int(self.ends[row - 1]) if row else 0
        images = list(self.instance(row).images)
        return TokenizedRow(
            np.array(self.tokens[begin:end]), np.array(self.learned[begin:end]), images
        )

    @cached_property
    def images(self) -> list[str]:
        """Name every image that the rows show, once, in order."""
        shown = self.instances.column("images")
        return sorted({image for place in self.places.tolist() for image in shown[place]})


def select_instances(source: BuildDirectory, data: DataConfig, seed: int) -> Instances:
    """Give the instances that a stage reads, refusing a name that matches no task."""
    tasks = None if not data.tasks else match_tasks(data.tasks, sorted(source.tasks))
    instances = source.instances(data.split, tasks)
    if data.max_instances is not None and data.max_instances < len(instances):
        names = instances.column("id")
        kept = heapq.nsmallest(
            data.max_instances, range(len(names)), key=lambda n: stable_hash(seed, names[n])
        )
        instances = Instances(source, instances.positions[sorted(kept)])
    if not len(instances):
        raise TrainingError(f"{source.path} holds no {data.split} instances to train on.")
    return instances


def tokenization_key(
    source: BuildDirectory, stage: StageConfig, encoder: ChatTokenizer, seed: int
) -> str:
    """Name everything that the encoded rows depend on."""
    core = encoder.tokenizer.backend_tokenizer.to_str()
    parts = [source.digest, repr(stage.data), seed, stage.max_seq_len, encoder.chat_template, core]
    parts.append(encoder.tokens_per_image)
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def tokenize_stage(
    source: BuildDirectory, stage: StageConfig, encoder: ChatTokenizer, folder: Path, *, seed: int
) -> TokenizedDataset:
    """Encode what a stage reads into a folder, unless it is there already."""
    instances = select_instances(source, stage.data, seed)
    told = tokenization_key(source, stage, encoder, seed)
    mark = folder / "rows.json"
    if not mark.is_file() or json.loads(mark.read_bytes())["key"] != told:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        losses = write(instances, stage, encoder, folder)
        write_json(mark, {"key": told, **losses})
    return open_tokenized(instances, folder, stage)


def open_tokenized(instances: Instances, folder: Path, stage: StageConfig) -> TokenizedDataset:
    """Open encoded rows, and refuse a stage that lost too many of them."""
    told = json.loads((folder / "rows.json").read_bytes())
    names = ("places", "task", "lengths", "taught", "ends", "tokens", "learned")
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    rows = TokenizedDataset(
        folder, instances, told["tasks"], **arrays, lost=told["lost"], noted=told["noted"]
    )
    lost = sum(rows.lost.values())
    if lost > stage.data.max_dropped_fraction * len(instances) or not len(rows):
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(rows.lost.items()))
        raise TrainingError(
            f"stage {stage.name}: {lost} of {len(instances)} instances cannot be trained on "
            f"({reasons}), named in {folder / 'ledger.jsonl'}: mend them or allow a larger "
            f"`stages.{stage.name}.data.max_dropped_fraction`."
        )
    return rows


class EncodedRow(NamedTuple):
    """What is kept of a row, before it goes into the arrays."""

    place: int
    task: str
    length: int
    tokens: NDArray[np.int32]
    learned: NDArray[np.bool_]


def write(
    instances: Instances, stage: StageConfig, encoder: ChatTokenizer, folder: Path
) -> dict[str, object]:
    """Encode instances into arrays and a ledger; give the tasks and what was lost."""
    ledger = Ledger()
    kept = list(encoded_rows(instances, stage, encoder, ledger))
    tasks = sorted({row.task for row in kept})
    number = {task: place for place, task in enumerate(tasks)}
    arrays: dict[str, NDArray[np.generic]] = {
        "places": np.array([row.place for row in kept], dtype=np.int64),
        "task": np.array([number[row.task] for row in kept], dtype=np.int32),
        "lengths": np.array([row.length for row in kept], dtype=np.int32),
        "taught": np.array([row.learned.sum() for row in kept], dtype=np.int32),
        "ends": np.cumsum([len(row.tokens) for row in kept], dtype=np.int64),
        "tokens": np.concatenate([row.tokens for row in kept] or [np.zeros(0, np.int32)]),
        "learned": np.concatenate([row.learned for row in kept] or [np.zeros(0, np.bool_)]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "ledger.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in ledger.lines))
    return {"tasks": tasks, "lost": ledger.lost, "noted": ledger.noted}


class Ledger:
    """What became of rows that were not kept whole."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []
        self.lost: dict[str, int] = {}
        self.noted: dict[str, int] = {}

    def add(self, kind: str, instance: str, reason: str, detail: str) -> None:
        """Note a row that was lost, or changed on its way."""
        self.lines.append({"id": instance, "kind": kind, "reason": reason, "detail": detail})
        counts = self.lost if kind == "lost" else self.noted
        counts[reason] = counts.get(reason, 0) + 1


def encoded_rows(
    instances: Instances, stage: StageConfig, encoder: ChatTokenizer, ledger: Ledger
) -> Iterator[EncodedRow]:
    """Encode instances in chunks, and tell the ledger of those that are lost or cut."""
    bar = tqdm(total=len(instances), desc=f"{stage.name}: encoding", unit="row", disable=None)
    with bar:
        for begin in range(0, len(instances), CHUNK):
            fit: list[tuple[int, Instance]] = []
            for place, instance in enumerate(instances[begin : begin + CHUNK], begin):
                try:
                    encoder.validate(instance.turns, len(instance.images))
                except UnusableError as fault:
                    ledger.add("lost", instance.id, fault.reason, fault.detail)
                    continue
                fit.append((place, instance))
            rows = (
                encoder.encode_conversations([instance.turns for _, instance in fit]) if fit else []
            )
            for (place, instance), row in zip(fit, rows, strict=True):
                check_row(instance, row, encoder, again=place < NUM_CHECKED)
                yield from truncate(place, instance, row, stage, encoder, ledger)
            bar.update(CHUNK)


def check_row(
    instance: Instance, row: TokenizedConversation, encoder: ChatTokenizer, *, again: bool
) -> None:
    """Refuse a row that teaches nothing, or whose prompt is another when it is asked."""
    if not any(row.loss_mask):
        raise TrainingError(
            f"instance {instance.id} has no token to learn: its conversation has no answer that "
            "the chat template marks."
        )
    if again:
        encoder.check_prompt_prefix(instance.turns, row)


def truncate(
    place: int,
    instance: Instance,
    row: TokenizedConversation,
    stage: StageConfig,
    encoder: ChatTokenizer,
    ledger: Ledger,
) -> Iterator[EncodedRow]:
    """Cut the end of a row that is too long; lose it where an image or every answer would go."""
    spread = row.token_ids.count(encoder.image_token_id) * (encoder.tokens_per_image - 1)
    length, room = len(row.token_ids) + spread, stage.max_seq_len - spread
    if length > stage.max_seq_len:
        detail = f"{length} tokens, and room for {stage.max_seq_len}"
        gone = row.token_ids[max(room, 0) :]
        row = TokenizedConversation(row.token_ids[: max(room, 0)], row.loss_mask[: max(room, 0)])
        if encoder.image_token_id in gone or not any(row.loss_mask):
            ledger.add("lost", instance.id, "too_long", detail)
            return
        ledger.add("note", instance.id, "cut", detail)
        length = stage.max_seq_len
    tokens, learned = np.array(row.token_ids, np.int32), np.array(row.loss_mask, np.bool_)
    yield EncodedRow(place, instance.task, length, tokens, learned)
