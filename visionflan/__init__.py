"""Build, tune on, evaluate and analyze visual instruction data from academic datasets."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visionflan.api.data import run_build, run_export, run_import
    from visionflan.api.runs import run_comparison, run_evaluation, run_training
    from visionflan.builder.plan import BuildSettings
    from visionflan.dataset import BrokenRow, Dataset, Example, Task
    from visionflan.errors import VisionflanError
    from visionflan.evaluate.plan import EvalSelection
    from visionflan.model.generate import Checkpoint
    from visionflan.storage.directory import BuildDirectory
    from visionflan.train.config import TrainConfig

__version__ = "0.1.0"

__all__ = [
    "BrokenRow",
    "BuildDirectory",
    "BuildSettings",
    "Checkpoint",
    "Dataset",
    "EvalSelection",
    "Example",
    "Task",
    "TrainConfig",
    "VisionflanError",
    "run_build",
    "run_comparison",
    "run_evaluation",
    "run_export",
    "run_import",
    "run_training",
]

# Where each public name is defined. A module is imported when a name of it is first used, so that
# `import visionflan` and `visionflan --help` load neither numpy nor torch.
MODULES = {
    "BrokenRow": "dataset",
    "BuildDirectory": "storage.directory",
    "BuildSettings": "builder.plan",
    "Checkpoint": "model.generate",
    "Dataset": "dataset",
    "EvalSelection": "evaluate.plan",
    "Example": "dataset",
    "Task": "dataset",
    "TrainConfig": "train.config",
    "VisionflanError": "errors",
    "run_build": "api.data",
    "run_comparison": "api.runs",
    "run_evaluation": "api.runs",
    "run_export": "api.data",
    "run_import": "api.data",
    "run_training": "api.runs",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in MODULES:
        raise AttributeError(f"module 'visionflan' has no attribute {name!r}")
    value = getattr(import_module(f"visionflan.{MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted([*globals(), *__all__])
