"""The settings of pretraining: a tiny vision tower and a tiny language model from scratch."""

from dataclasses import dataclass

from visionflan.errors import TrainingError
from visionflan.train.number_ranges import NOT_NEGATIVE, NumberRange, check_ranges

HEAD_SIZE = 32  # of both models
COUNTS = (
    *("image_size", "patch_size", "hidden_size", "num_layers", "vocab_size", "batch_size"),
    *("batch_tokens", "vision_steps", "language_steps", "max_seq_len"),
)
PRETRAIN_RANGES = {
    **dict.fromkeys(COUNTS, NumberRange(1)),
    **dict.fromkeys(("vision_learning_rate", "language_learning_rate"), NOT_NEGATIVE),
    "synthetic_conversations": NOT_NEGATIVE,
}


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Pretraining of a tiny vision tower and language model from scratch on the run's build."""

    image_size: int = 32  # pixels per side
    patch_size: int = 8
    hidden_size: int = 128  # of both models
    num_layers: int = 4  # of both models
    vocab_size: int = 2500
    batch_size: int = 64  # images per step of the vision tower
    batch_tokens: int = 2200  # padded tokens per step of the language model
    vision_steps: int = 900
    vision_learning_rate: float = 2e-3
    language_steps: int = 400
    language_learning_rate: float = 2e-3
    max_seq_len: int = 256  # longer conversations are skipped by the language model
    # Conversations that the language model learns beside the instances, generated from the build;
    # None: those of the stage that trains on some, if one does.
    synthetic_conversations: int | None = None

    def __post_init__(self) -> None:
        """Raise TrainingError for a number that is out of range."""
        check_ranges(self, "pretrain.", PRETRAIN_RANGES)

    def check_sizes(self) -> None:
        """Raise TrainingError for sizes that do not fit, once all of them are set."""
        if self.patch_size > self.image_size:
            raise TrainingError(
                f"`pretrain.patch_size` is {self.patch_size}, but must be at most "
                f"`pretrain.image_size`, which is {self.image_size}"
            )
        if self.hidden_size % HEAD_SIZE:
            raise TrainingError(
                f"`pretrain.hidden_size` is {self.hidden_size}, but must be a multiple of "
                f"{HEAD_SIZE}, the width of an attention head"
            )
