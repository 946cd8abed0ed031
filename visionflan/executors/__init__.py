"""Run calls side by side: in processes of this machine, or on many machines with Ray.

Both are executors as in `concurrent.futures`, so the code that waits for results is the same.
"""

from importlib import import_module

from visionflan.executors.base import CallExecutor


def open_executor(
    jobs: int, ray_address: str | None = None, *, preload: tuple[str, ...] = ()
) -> CallExecutor:
    """Return an executor: Ray's if an address is given, else `jobs` processes of this machine.

    Raises ModuleNotFoundError at once if what every call is sent with is not installed.
    """
    import_module("cloudpickle")
    if ray_address is not None:
        from visionflan.executors.ray_cluster import RayExecutor

        return RayExecutor(ray_address)
    from visionflan.executors.processes import ProcessExecutor

    return ProcessExecutor(jobs, preload)
