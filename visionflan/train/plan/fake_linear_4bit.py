"""A linear layer without content that takes the memory of one in 4 bits, for a plan.

So a plan does not need `bitsandbytes`. Sizes are those of its `Linear4bit`: a weight of 4 bits, and
a scale for each block; while a layer is multiplied, its weight in the dtype of its input.
"""

from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from visionflan.train.adapter_config import AdapterConfig

BLOCK = 64  # weights with a common scale
SCALES_BLOCK = 256  # scales of 8 bits with a common scale


class FakeLinear4bit(nn.Linear):
    """A frozen linear layer with the sizes of another one in 4 bits, computing in bfloat16."""

    def __init__(self, adapter: AdapterConfig, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=False, device="meta")
        self.bias = linear.bias
        weights = linear.weight.numel()
        scales = ceil(weights / BLOCK)
        # Two weights a byte.
        packed = torch.empty(ceil(weights / 2), 1, dtype=torch.uint8)
        self.weight = nn.Parameter(packed, requires_grad=False)
        if adapter.double_quantization:
            self.register_buffer("scales", torch.empty(scales, dtype=torch.uint8))
            self.register_buffer("scales_of_scales", torch.empty(ceil(scales / SCALES_BLOCK)))
        else:
            self.register_buffer("scales", torch.empty(scales))

    def forward(self, input: Tensor) -> Tensor:
        """Return the product, and a copy of it as `peft` takes one."""
        rounded = input.to(torch.bfloat16)
        result: Tensor = MultiplyUnpacked.apply(rounded, self.bias, self.out_features)  # type: ignore[no-untyped-call]
        return result.to(input.dtype).clone()


class MultiplyUnpacked(torch.autograd.Function):
    """Multiplies by a weight that is unpacked for it, forward and once more backward."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, bias: Tensor | None, out_features: int) -> Tensor:
        """Return the product with a weight that is gone afterwards."""
        ctx.shape = (out_features, input.shape[-1])
        return functional.linear(input, input.new_empty(ctx.shape), bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the input."""
        (grad,) = grads
        return grad @ grad.new_empty(ctx.shape), None, None
