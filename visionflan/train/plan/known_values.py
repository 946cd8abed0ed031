"""Compute integers for real among fake tensors, for models whose code looks at them.

The sizes of images, the kinds of tokens and positions decide what the classes of `transformers` do
next. Such numbers follow from the inputs alone, and are few; activations are many and decide
nothing, but where a comparison looks for padding, of which there is none.
"""

from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

aten = torch.ops.aten
# What comparisons with activations give: nothing equals a value that stands for padding.
COMPARISONS = {aten.eq: False, aten.ne: True, aten.lt: False, aten.gt: False}
# Integers are computed whatever their number; other numbers only where they are few.
MAX_FLOATS = 2**16


class KnownValues(TorchDispatchMode):
    """Runs operations on real tensors for real, and leaves those on fake ones to the fake mode.

    It is entered within a `FakeTensorMode`, and so sees operations before that does.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, for real if its inputs are real and its outputs are small."""
        kwargs = kwargs or {}
        if is_known(args) and is_known(kwargs):
            return run_known(func, args, kwargs)
        result = func(*without_masks(func, args), **kwargs)
        if func._overloadpacket in COMPARISONS:
            with unset_fake_temporarily():
                return torch.full(tuple(result.shape), COMPARISONS[func._overloadpacket])
        return result


def run_known(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation on real tensors; return fake ones if its outputs are large."""
    try:
        result = func(*args, **kwargs)
    except (DataDependentOutputException, DynamicOutputShapeException):
        pass
    else:
        if not all(is_small(value) for value in tree_flatten(result)[0]):
            return result
    with unset_fake_temporarily():
        return func(*args, **kwargs)


def is_known(value: object) -> bool:
    """Return whether an argument is no tensor, or a real one that is small; so of all in it."""
    if isinstance(value, torch.Tensor):
        return type(value) is torch.Tensor and not value.requires_grad and is_small(value)
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    return not isinstance(value, (list, tuple)) or all(map(is_known, value))


def is_small(value: object) -> bool:
    """Return whether an output is to be computed for real."""
    if not isinstance(value, torch.Tensor):
        return True
    return not value.is_floating_point() or value.numel() <= MAX_FLOATS


def without_masks(func: Any, args: Any) -> Any:
    """Return the arguments of an operation with indices in place of real masks.

    How many elements a mask selects is not known from its shape.
    """
    if func._overloadpacket is not aten.index:
        return args
    indices: list[Any] = []
    for index in args[1]:
        if index is None or index.dtype != torch.bool or not is_known(index):
            indices.append(index)
            continue
        with unset_fake_temporarily():
            indices.extend(index.nonzero(as_tuple=True))
    return (args[0], indices, *args[2:])
