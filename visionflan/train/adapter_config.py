"""The settings of an adapter: low-rank matrices beside the weights of the language model."""

from dataclasses import dataclass

from visionflan.train.number_ranges import BELOW_ONE, POSITIVE, check_ranges


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """An adapter of the language model (LoRA), made by the library `peft`.

    The names and meanings are those of `peft.LoraConfig`. While the adapter is trained, the
    language model's own weights stay as they are.
    """

    rank: int = 128
    alpha: float = 256.0  # the matrices' product is scaled by alpha / rank
    dropout: float = 0.0  # of the inputs of the matrices
    # The last parts of the names of layers, such as `q_proj`; empty: all linear layers of the
    # language model but its head.
    target_modules: tuple[str, ...] = ()
    rslora: bool = False  # scale by alpha / sqrt(rank) instead
    dora: bool = False  # train the magnitudes of the weights apart from their directions

    def __post_init__(self) -> None:
        """Raise TrainingError for a number that is out of range."""
        ranges = {"rank": POSITIVE, "alpha": POSITIVE, "dropout": BELOW_ONE}
        check_ranges(self, "adapter.", ranges)
