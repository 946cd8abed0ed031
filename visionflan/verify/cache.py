"""Check the copy of the instances from which a build is read, if it has been made."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from visionflan.errors import BuildError
from visionflan.storage.arrow_cache import instance_batches
from visionflan.verify.damage import Damage

REMEDY = "delete it, and it is made again"


def check_cache(path: Path, manifest: dict[str, Any]) -> Iterator[Damage]:
    """Yield a damage if the memory-mapped copy in a build differs from its instances.

    Everything that reads a build reads this copy. One in the cache of a user is not checked.
    """
    name = f".cache/{manifest['digest']}/instances.arrow"
    file = path / name
    if not file.is_file():
        return
    names = sorted(name for name in manifest["files"] if name.startswith("instances/"))
    batches = (batch for each in names for batch in instance_batches(path / each))
    try:
        with pa.memory_map(str(file)) as mapped:
            reader = pa.ipc.open_file(mapped)
            copies = (reader.get_batch(index) for index in range(reader.num_record_batches))
            pairs = zip_longest(copies, batches)
            if all(copy is not None and copy.equals(batch) for copy, batch in pairs):
                return
            yield Damage(name, f"it is not a copy of the instances: {REMEDY}")
    except (pa.ArrowException, OSError, BuildError) as error:
        yield Damage(name, f"it cannot be compared with the instances ({error}): {REMEDY}")
