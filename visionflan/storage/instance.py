"""What is stored of an example: its words, rendered and in parts, its images, its origin."""

from typing import Literal, NamedTuple

Role = Literal["user", "assistant"]
Split = Literal["train", "held_out"]


class Turn(NamedTuple):
    """One turn of a conversation; `<image>` stands where each image goes."""

    role: Role
    text: str


class Instance(NamedTuple):
    """An example as stored.

    `id` is `dataset/task/key`; `images` are the sha256 of the encoded bytes, in the order of the
    markers. `instruction`, `text`, `options` (in the order shown) and `target` (without its letter)
    are the parts of the first exchange; they are empty where the conversation came ready-made.
    `references` are all accepted answers, the target among them.
    """

    id: str
    dataset: str
    task: str
    split: Split
    key: str
    images: tuple[str, ...]
    turns: tuple[Turn, ...]
    instruction: str
    text: str
    options: tuple[str, ...]
    target: str
    references: tuple[str, ...]
    metric: str
    synthetic: bool

    @property
    def prompt(self) -> str:
        """What is asked first, with its image markers."""
        return self.turns[0].text

    @property
    def answer(self) -> str:
        """What is to be answered first, with the letter of an option."""
        return self.turns[1].text
