"""Tokenize the instances of a stage, and keep account of those that are dropped or cut."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visionflan.errors import TrainingError, UnusableError
from visionflan.model.chat_tokenizer import ChatTokenizer, TokenizedConversation
from visionflan.model.image_prompt import ImageSize
from visionflan.plural import counted
from visionflan.progress import ProgressBar
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.train.config import StageConfig
from visionflan.train.mixture_config import MixtureConfig

CHUNK_SIZE = 1000
# The prompts of the first rows are also tokenized as for generation, to check that both agree.
NUM_CHECKED = 16


# The tokens of an instance and the sizes of its images, or why it cannot be used.
EncodedOrUnusable = tuple[TokenizedConversation, list[ImageSize]] | UnusableError


class EncodedRow(NamedTuple):
    """A row before it is written into the arrays."""

    instance_index: int
    task: str
    length: int  # with all tokens of each image
    token_ids: NDArray[np.int32]
    loss_mask: NDArray[np.bool_]
    image_runs: NDArray[np.int32]


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


@dataclass(frozen=True)
class RowTokenizer:
    """Tokenizes the instances of a stage into rows."""

    build: BuildDirectory
    stage: StageConfig
    chat_tokenizer: ChatTokenizer
    ledger: TrainingLedger

    def rows(self, instances: Instances) -> Iterator[EncodedRow]:
        """Yield the rows of the usable instances, tokenized in chunks."""
        name = f"{self.stage.name}: tokenizing"
        with ProgressBar(name, len(instances), unit="rows", leave=True) as bar:
            for begin in range(0, len(instances), CHUNK_SIZE):
                chunk = list(instances[begin : begin + CHUNK_SIZE])
                yield from self.chunk_rows(begin, chunk)
                bar.update(CHUNK_SIZE)

    def chunk_rows(self, begin: int, chunk: Sequence[Instance]) -> Iterator[EncodedRow]:
        """Yield the rows of the usable instances of a chunk; the first has the index `begin`."""
        errors = [self.unusable_error(instance) for instance in chunk]
        usable = [i for i, error in zip(chunk, errors, strict=True) if error is None]
        encoded = iter(self.encode(usable))
        for index, (instance, error) in enumerate(zip(chunk, errors, strict=True), begin):
            outcome = error or next(encoded)
            if isinstance(outcome, UnusableError):
                self.ledger.add("dropped", instance.id, outcome.reason, outcome.detail)
                continue
            row, row_sizes = outcome
            self.check_row(instance, row)
            if index < NUM_CHECKED:
                self.chat_tokenizer.check_prompt_prefix(instance.turns, row_sizes, row)
            yield from self.truncate(index, instance, row)

    def encode(self, instances: Sequence[Instance]) -> list[EncodedOrUnusable]:
        """Return the tokens of instances with the sizes of their images.

        For an instance that does not fit the chat template, return why; the template itself was
        checked before.
        """
        sizes = [self.image_sizes(instance) for instance in instances]
        turns = [instance.turns for instance in instances]
        try:
            rows = self.chat_tokenizer.encode_conversations(turns, sizes)
        except TrainingError as error:
            if len(instances) == 1:
                return [UnusableError("chat_template", str(error))]
            return [outcome for instance in instances for outcome in self.encode([instance])]
        return list(zip(rows, sizes, strict=True))

    def image_sizes(self, instance: Instance) -> list[ImageSize]:
        """Return the sizes of an instance's images, which their tokens may depend on."""
        headers = [self.build.image_header(image_id) for image_id in instance.images]
        return [ImageSize(height, width) for width, height, _ in headers]

    def unusable_error(self, instance: Instance) -> UnusableError | None:
        """Return why an instance cannot be used for training; None if it can."""
        try:
            self.chat_tokenizer.validate(instance.turns, len(instance.images))
        except UnusableError as error:
            return error
        return None

    def check_row(self, instance: Instance, row: TokenizedConversation) -> None:
        """Raise TrainingError if nothing in a row has a loss."""
        if not any(row.loss_mask):
            raise TrainingError(
                f"instance {instance.id} has no token to train on: the chat template marks no "
                "answer in its conversation"
            )

    def truncate(
        self, index: int, instance: Instance, row: TokenizedConversation
    ) -> Iterator[EncodedRow]:
        """Yield the row, cut at `max_seq_len`.

        Drop it if an image or all answers would be cut off.
        """
        image_token, max_seq_len = self.chat_tokenizer.image_token_id, self.stage.max_seq_len
        extra = sum(row.image_runs) - len(row.image_runs)
        length, num_kept = len(row.token_ids) + extra, max(0, max_seq_len - extra)
        if length > max_seq_len:
            detail = f"{counted(length, 'token')}, but max_seq_len is {max_seq_len}"
            removed = row.token_ids[num_kept:]
            row = TokenizedConversation(
                row.token_ids[:num_kept], row.loss_mask[:num_kept], row.image_runs
            )
            if image_token in removed or not any(row.loss_mask):
                self.ledger.add("dropped", instance.id, "too_long", detail)
                return
            self.ledger.add("note", instance.id, "truncated", detail)
            length = max_seq_len
        yield EncodedRow(
            index,
            instance.task,
            length,
            np.array(row.token_ids, np.int32),
            np.array(row.loss_mask, np.bool_),
            np.array(row.image_runs, np.int32),
        )


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
