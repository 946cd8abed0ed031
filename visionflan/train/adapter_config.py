"""The settings of an adapter: low-rank matrices beside the weights of the language model."""

from dataclasses import dataclass
from typing import Literal

from visionflan.train.number_ranges import BELOW_ONE, POSITIVE

Quantization = Literal["nf4"]
# Of the numbers of an adapter; a stage checks them, whose name errors have.
ADAPTER_RANGES = {"rank": POSITIVE, "alpha": POSITIVE, "dropout": BELOW_ONE}


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
    # Of the weights of the language model's linear layers while the adapter is trained (QLoRA, by
    # the library `bitsandbytes`): NormalFloat of 4 bits. None: they are not quantized.
    quantization: Quantization | None = None
    double_quantization: bool = False  # store the scales of quantized weights in 8 bits
