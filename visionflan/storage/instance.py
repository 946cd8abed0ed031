"""An instance: an example as stored in a build, rendered and in parts."""

from typing import Literal, NamedTuple

from visionflan.vocabulary import OfficialSplit

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "held_out"]
WRITTEN_BY = "written-by-"  # the beginning of the dataset of what a model writes


class Turn(NamedTuple):
    """One turn of a conversation; `<image>` marks the position of each image."""

    role: Role
    text: str


class Instance(NamedTuple):
    """An example as stored.

    `instruction`, `text`, `options` and `target` are the parts of the first exchange; they are
    empty if the conversation was imported or synthesized.

    Attributes:
        id: `dataset/task/key`.
        dataset: the name of its dataset.
        task: `dataset/task`.
        split: whether it may be trained on.
        key: the key of its row in the release.
        images: the sha256 of the encoded bytes of each image, in the order of the markers.
        turns: the conversation: a system turn where there is one, then pairs of a user's turn and
            an assistant's.
        instruction: the task's instruction.
        text: what follows the instruction, such as a question.
        options: the answers to choose from, in the order of the prompt.
        target: the answer, without the letter of its option.
        references: all accepted answers, including the target.
        metric: the metric that scores answers.
        synthetic: whether it was generated rather than annotated.
        official_split: the release's own split of its row, or empty.
        group: what its row must be held out together with, or empty.
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
    official_split: OfficialSplit | Literal[""] = ""
    group: str = ""

    @property
    def system(self) -> str:
        """Return the system turn; empty if there is none."""
        return self.turns[0].text if self.turns[0].role == "system" else ""

    @property
    def exchanges(self) -> tuple[Turn, ...]:
        """Return the turns without that of the system."""
        return self.turns[1:] if self.turns[0].role == "system" else self.turns

    @property
    def prompt(self) -> str:
        """Return the first user turn, with its image markers."""
        return self.exchanges[0].text

    @property
    def answer(self) -> str:
        """Return the first assistant turn, with the letter of an option."""
        return self.exchanges[1].text
