"""A checkpoint as a model to evaluate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.errors import VisionflanError
from visionflan.evaluate.batch_size import BatchSize
from visionflan.evaluate.models.base import (
    CandidateLikelihood,
    ConversationImages,
    Conversations,
    EvaluationStoppedError,
    Reply,
)
from visionflan.model.checkpoint_path import check_checkpoint
from visionflan.storage.trained_images import TRAINED_IMAGES

if TYPE_CHECKING:
    from visionflan.model.chat_tokenizer import ChatTokenizer
    from visionflan.model.generate import Checkpoint

# Files of a checkpoint directory that describe its training and do not change its answers.
NOT_THE_MODEL = frozenset({"run.json", "README.md", TRAINED_IMAGES})


class CheckpointModel:
    """A checkpoint directory, loaded when the first question comes.

    `batch_size` is the number of candidates scored at once; it is halved on out-of-memory.
    """

    def __init__(self, path: Path, device: str = "auto", *, batch_size: int = 64) -> None:
        check_checkpoint(path)
        self.path, self.device, self.batch_size = path, device, BatchSize(batch_size)

    @cached_property
    def checkpoint(self) -> "Checkpoint":
        """The model in memory."""
        from visionflan.model.generate import Checkpoint

        with stopping_evaluation():
            return Checkpoint.load(self.path, self.device)

    @cached_property
    def digest(self) -> str:
        """The hash of all files that determine answers: weights, processor, tokenizer, template."""
        return checkpoint_digest(self.path)

    @cached_property
    def precision(self) -> str:
        """The dtype that the weights have in memory; reading it does not load them."""
        from visionflan.model.generate import dtype_for, resolve_device

        return dtype_for(resolve_device(self.device))

    @cached_property
    def chat_tokenizer(self) -> "ChatTokenizer":
        """The tokenizer of conversations; it needs no weights."""
        from visionflan.model.families import load_chat_tokenizer

        with stopping_evaluation():
            return load_chat_tokenizer(self.path)

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Return the token ids of each conversation's prompt, one for each image."""
        return self.chat_tokenizer.prompt_tokens(conversations)

    def generate(
        self, conversations: Conversations, images: ConversationImages, max_new_tokens: int
    ) -> Sequence[Reply]:
        """Return greedy answers, generated in one batch."""
        from visionflan.model.generate import generate_answers

        return generate_answers(
            self.checkpoint,
            conversations,
            images,
            max_new_tokens=max_new_tokens,
            batch_size=max(1, len(conversations)),
        )

    def loglikelihood(
        self,
        conversations: Conversations,
        images: ConversationImages,
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[CandidateLikelihood]]:
        """Return the log-likelihoods of the candidates of each conversation.

        On out-of-memory the batch size is halved for all calls that follow.
        """
        from visionflan.model.logprobs import candidate_logprobs

        return self.batch_size.fit(
            lambda size: candidate_logprobs(
                self.checkpoint, conversations, images, candidates, batch_size=size
            )
        )


@contextmanager
def stopping_evaluation() -> Iterator[None]:
    """Raise EvaluationStoppedError where a checkpoint cannot be loaded, for any question."""
    try:
        yield
    except VisionflanError as error:
        raise EvaluationStoppedError(str(error)) from error


def checkpoint_digest(path: Path) -> str:
    """Return the SHA-256 digest of a checkpoint's files, by name and content.

    The files of `NOT_THE_MODEL` do not count.
    """
    digest = sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and file.name not in NOT_THE_MODEL:
            with file.open("rb") as stream:
                digest.update(f"{file.name} {file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
