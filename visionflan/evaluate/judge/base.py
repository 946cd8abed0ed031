"""What every judge offers, be it a server or a model in this process, and how asking fails."""

from typing import Literal, NamedTuple, Protocol

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.rubric import JudgeRequest

MILLION = 1_000_000


class TokenPrices(NamedTuple):
    """What a million tokens cost in US dollars, of the prompt and of what is written."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Price one call."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


class JudgeReply(NamedTuple):
    """What a judge said, under which name it answered, and what that took.

    `model` is the server's own name, which may change while the name that is asked for stays.
    Tokens and `cost` are None where the server does not count; over several `attempts` they are
    summed. `cached` says that it was not asked now.
    """

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    attempts: int = 1
    cached: bool = False


# `away`: out of reach, out of time, overloaded or broken: worth another try a little later.
# `unusable`: it answered, but with nothing that can be used: worth asking afresh, a few times.
# `refused`: it will not answer this question. `barred`: it will answer none of ours.
JudgeErrorKind = Literal["away", "unusable", "refused", "barred"]


class JudgeError(EvaluationError):
    """A judge gave no usable reply.

    `wait` is how long the server asks to be left alone, `billed` whether it may have been paid;
    `reply` holds what it said, if anything.
    """

    def __init__(
        self,
        kind: JudgeErrorKind,
        message: str,
        *,
        wait: float = 0.0,
        billed: bool = False,
        reply: JudgeReply | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.wait, self.billed, self.reply = kind, wait, billed, reply


class Judge(Protocol):
    """A text model that is asked to judge.

    `name` is the model that was asked for; `address` tells it from others of that name, and goes
    into the key under which replies are kept; `prices` are None where calls cost nothing or the
    price is not known.
    """

    @property
    def name(self) -> str:
        """Name what was asked for."""
        ...

    @property
    def address(self) -> str:
        """Tell where it is asked."""
        ...

    @property
    def prices(self) -> TokenPrices | None:
        """Tell what tokens cost."""
        ...

    def ask(self, request: JudgeRequest, repeat: int) -> JudgeReply:
        """Ask once; raise `NoReplyError` where that gives nothing usable."""
        ...
