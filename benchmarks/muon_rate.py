"""Compare a step of Muon in float32 with PyTorch's, which computes in bfloat16, on one core.

Both update the matrices of the recipe tiny's vision tower. The ratio depends on whether the CPU
computes in bfloat16 itself.

Run: python benchmarks/muon_rate.py [--runs 20]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from visionflan.train.pretrain.muon import Float32Muon
from visionflan.train.pretrain_config import PretrainConfig


def main() -> None:
    """Time both in turn, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours = Float32Muon(matrices(), lr=1e-3, weight_decay=0.05, momentum=0.95)
    theirs = torch.optim.Muon(matrices(), lr=1e-3, weight_decay=0.05, momentum=0.95)
    pairs = [(seconds(ours.step), seconds(theirs.step)) for _ in range(args.runs + 1)][1:]
    ratios = [after / before for before, after in pairs]
    print(f"float32: {statistics.median(pair[0] for pair in pairs):.3f} s a step")
    print(f"torch.optim.Muon takes {statistics.median(ratios):.1f} times as long")


def matrices() -> list[nn.Parameter]:
    """Return the matrices of the tower's layers, with gradients."""
    settings, weights = PretrainConfig(), []
    size = settings.hidden_size
    for _ in range(settings.num_layers):
        for shape in (*4 * [(size, size)], (2 * size, size), (size, 2 * size)):
            weight = nn.Parameter(torch.randn(shape))
            weight.grad = torch.randn(shape)
            weights.append(weight)
    return weights


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
