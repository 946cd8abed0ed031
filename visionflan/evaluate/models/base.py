"""What an evaluation needs of a model, and a checkpoint that offers it."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from PIL import Image

from visionflan.errors import EvaluationError
from visionflan.storage.instance import Turn

if TYPE_CHECKING:
    from visionflan.model.chat_tokenizer import ChatTokenizer
    from visionflan.model.generate import Checkpoint

# What a checkpoint folder holds about its making, which does not change what it answers.
NOT_THE_MODEL = frozenset({"run.json", "README.md"})


class Reply(Protocol):
    """An answer, the number of its tokens, and `stop` or, cut at the limit, `length`."""

    @property
    def text(self) -> str:
        """The words."""
        ...

    @property
    def tokens(self) -> int:
        """How many tokens they are."""
        ...

    @property
    def finish_reason(self) -> str:
        """Why they end."""
        ...


class Likelihood(Protocol):
    """How likely a given answer is as the whole answer."""

    @property
    def summed(self) -> float:
        """The sum of the log-probabilities of its tokens and of the end."""
        ...


class EvalModel(Protocol):
    """Whatever answers questions about pictures: a checkpoint, a server, a script in a test.

    `digest` changes whenever answers may change; `precision` names the arithmetic.
    """

    @property
    def digest(self) -> str:
        """Name the weights and all else that decides answers, by content."""
        ...

    @property
    def precision(self) -> str:
        """Name the arithmetic."""
        ...

    def answer(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[Reply]:
        """Answer conversations that end with a user's turn, in one batch."""
        ...

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Give the tokens of each conversation as the model is shown them."""
        ...


@runtime_checkable
class LikelihoodModel(Protocol):
    """An answerer that also tells how likely it holds given answers."""

    def weigh(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[Likelihood]]:
        """Weigh the candidates of each conversation."""
        ...


class CheckpointModel:
    """A checkpoint folder, loaded when the first question comes."""

    def __init__(self, path: Path, device: str = "auto", *, batch_size: int = 64) -> None:
        if not (path / "config.json").is_file():
            raise EvaluationError(f"{path} is no checkpoint: it holds no config.json")
        self.path, self.device, self.batch_size = path, device, batch_size

    @cached_property
    def loaded(self) -> "Checkpoint":
        """The model in memory."""
        from visionflan.model.generate import load_checkpoint

        return load_checkpoint(self.path, self.device)

    @cached_property
    def digest(self) -> str:
        """Hash every file that decides answers: weights, processor, tokenizer, template."""
        return checkpoint_digest(self.path)

    @cached_property
    def precision(self) -> str:
        """Name the type of the weights in memory, without loading them."""
        from visionflan.model.generate import dtype_for, resolve_device

        return dtype_for(resolve_device(self.device))

    @cached_property
    def encoder(self) -> "ChatTokenizer":
        """What writes conversations as tokens; it needs no weights."""
        from visionflan.model.chat_tokenizer import ChatTokenizer
        from visionflan.model.llava import load_processor

        return ChatTokenizer(load_processor(self.path))

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Give the tokens of each conversation, one for each image."""
        return self.encoder.prompts(conversations)

    def answer(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[Reply]:
        """Answer greedily, all in one batch."""
        from visionflan.model.generate import generate_answers

        return generate_answers(
            self.loaded,
            conversations,
            images,
            max_new_tokens=max_new_tokens,
            batch_size=max(1, len(conversations)),
        )

    def weigh(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[Likelihood]]:
        """Weigh the candidates of each conversation as its whole answer.

        Fewer are weighed at once from then on where memory does not hold as many.
        """
        from visionflan.model.logprobs import candidate_logprobs

        while True:
            try:
                return candidate_logprobs(
                    self.loaded, conversations, images, candidates, batch_size=self.batch_size
                )
            except Exception as fault:
                if not is_out_of_memory(fault) or self.batch_size == 1:
                    raise
                self.batch_size //= 2


def checkpoint_digest(path: Path) -> str:
    """Hash the files of a checkpoint by name and content, not those about its making."""
    digest = sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and file.name not in NOT_THE_MODEL:
            with file.open("rb") as opened:
                digest.update(f"{file.name} {file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether a batch did not fit: torch names it on accelerators, and words it on processors."""
    return (
        isinstance(fault, MemoryError)
        or type(fault).__name__ == "OutOfMemoryError"
        or "not enough memory" in str(fault)
    )
