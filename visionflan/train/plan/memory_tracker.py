"""Count the memory of all tensors that are alive while a computation runs."""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass
from torch.utils._pytree import tree_map_

# After these, FSDP has given storages another size in place, which no operation shows.
SHARDING = frozenset({"fsdp", "c10d", "_c10d_functional"})


class MemoryTracker(TorchDispatchMode):
    """Counts the bytes of storages from their first use to their end, with fake tensors too.

    Attributes:
        current: bytes that are alive
        peak: the largest number of bytes that were alive at once
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.current = self.peak = 0
        self.sizes: dict[int, int] = {}
        self.storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it returns."""
        is_sharding = func.namespace in SHARDING
        if is_sharding:
            self.update_sizes()
        result = func(*args, **(kwargs or {}))
        tree_map_(self.count, result)
        if is_sharding:
            self.update_sizes()
        return result

    def count(self, value: object) -> None:
        """Count the storage of a tensor; of a sharded or quantized one, those of its inner ones."""
        if not isinstance(value, torch.Tensor):
            return
        if is_traceable_wrapper_subclass(value):
            for name in value.__tensor_flatten__()[0]:
                self.count(getattr(value, name))
            return
        storage = value.untyped_storage()
        key = storage._cdata
        if key not in self.sizes:
            self.sizes[key] = storage.nbytes()
            self.storages[key] = weakref.ref(storage)
            weakref.finalize(storage, self.forget, key)
            self.add(self.sizes[key])

    def forget(self, key: int) -> None:
        """Stop counting a storage that is gone."""
        self.storages.pop(key, None)
        self.current -= self.sizes.pop(key, 0)

    def update_sizes(self) -> None:
        """Count storages by the sizes that they have now."""
        for key, reference in list(self.storages.items()):
            if (storage := reference()) is not None:
                size = storage.nbytes()
                change, self.sizes[key] = size - self.sizes[key], size
                self.current += change
        self.add(0)

    def add(self, num_bytes: int) -> None:
        """Add bytes that are alive."""
        self.current += num_bytes
        self.peak = max(self.peak, self.current)
