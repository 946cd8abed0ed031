"""Run a function in several processes, as if torchrun had started them."""

import os
import socket
from collections.abc import Callable
from multiprocessing.context import ForkServerContext


def run_ranks(
    context: ForkServerContext,
    world_size: int,
    target: Callable[..., object],
    *args: object,
    local_size: int = 0,
) -> None:
    """Run `target(*args)` on all ranks; with `local_size`, as on machines of so many ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(world_size):
        local_rank = rank % local_size if local_size else rank
        environment = {"RANK": str(rank), "LOCAL_RANK": str(local_rank)}
        environment |= {
            "WORLD_SIZE": str(world_size),
            "LOCAL_WORLD_SIZE": str(local_size or world_size),
        }
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        processes.append(context.Process(target=run_rank, args=(environment, target, args)))
        processes[-1].start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * world_size


def run_rank(
    environment: dict[str, str], target: Callable[..., object], args: tuple[object, ...]
) -> None:
    """Run a function in this process, as one of several."""
    os.environ.update(environment)
    target(*args)
