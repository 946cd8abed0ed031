"""The model protocol of an evaluation: answers, and log-likelihoods for closed questions."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from PIL import Image

from visionflan.errors import EvaluationError
from visionflan.evaluate.records.header import ModelHeader
from visionflan.storage.instance import Turn

Conversations = Sequence[Sequence[Turn]]
ConversationImages = Sequence[Sequence[Image.Image]]


class Reply(Protocol):
    """A generated answer."""

    @property
    def text(self) -> str:
        """The answer's text."""
        ...

    @property
    def num_tokens(self) -> int:
        """The number of its tokens, without the end token."""
        ...

    @property
    def finish_reason(self) -> str:
        """`stop`, or `length` if it was cut at the limit of tokens."""
        ...


class CandidateLikelihood(Protocol):
    """The log-likelihood of a candidate as the complete answer."""

    @property
    def sum_logprob(self) -> float:
        """The sum of the log-probabilities of its tokens, the end token included."""
        ...


class EvalModel(Protocol):
    """A model that answers questions about images: a checkpoint, a server, a rule in a test.

    `digest` changes whenever answers may change.
    """

    @property
    def digest(self) -> str:
        """The hash of the weights and everything else that determines answers."""
        ...

    @property
    def precision(self) -> str:
        """The name of the dtype it computes in."""
        ...

    def generate(
        self, conversations: Conversations, images: ConversationImages, max_new_tokens: int
    ) -> Sequence[Reply]:
        """Return the answers to conversations that end with a user's turn, as one batch."""
        ...

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Return the token ids of each conversation's prompt."""
        ...


@runtime_checkable
class LikelihoodModel(Protocol):
    """A model that also computes log-likelihoods of given answers."""

    def loglikelihood(
        self,
        conversations: Conversations,
        images: ConversationImages,
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[CandidateLikelihood]]:
        """Return the log-likelihoods of the candidates of each conversation."""
        ...


@runtime_checkable
class DescribedModel(Protocol):
    """A model that is more than a checkpoint run by transformers, and describes itself."""

    @property
    def header(self) -> ModelHeader:
        """What an evaluation records about it."""
        ...


@runtime_checkable
class ConcurrentModel(Protocol):
    """A model that answers several questions at once, each in a thread of its own."""

    @property
    def workers(self) -> int:
        """The number of concurrent requests."""
        ...

    def stop(self) -> None:
        """Begin no more work, since the evaluation ends."""
        ...


class EvaluationStoppedError(EvaluationError):
    """The model fails for good: not the failure of one question, but the end of all."""
