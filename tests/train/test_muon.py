"""Test that Muon in float32 takes the steps of PyTorch's."""

import pytest
import torch
from torch import nn

from visionflan.train.pretrain.muon import Float32Muon, orthogonalize


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (16, 16)])
def test_steps_are_those_of_torch_but_for_rounding(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = (
        (ours, Float32Muon([ours], lr=0.05, weight_decay=0.1, momentum=0.9)),
        (
            theirs,
            torch.optim.Muon(
                [theirs], lr=0.05, weight_decay=0.1, momentum=0.9, adjust_lr_fn="original"
            ),
        ),
    )
    for _ in range(5):
        gradient = torch.randn(shape, generator=generator)
        for weight, optimizer in optimizers:
            weight.grad = gradient.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert moved > 0.5
    assert (ours - theirs).norm() < 0.02 * moved


@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
def test_singular_values_are_near_one(shape: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_weights_without_gradient_stay() -> None:
    weight = nn.Parameter(torch.ones(4, 4))
    Float32Muon([weight], lr=0.1, weight_decay=0.1, momentum=0.9).step()
    assert torch.equal(weight, torch.ones(4, 4))
