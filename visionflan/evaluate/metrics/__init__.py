"""The metrics of tasks, one file each: every module of this package that defines `METRIC`."""

import importlib
import pkgutil

from visionflan.catalog import unknown_name_error
from visionflan.evaluate.metric import Metric


def find_metrics() -> dict[str, Metric]:
    """Import the modules of this package and return their metrics by name."""
    modules = {
        module.name: importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    }
    return {
        name: imported.METRIC for name, imported in modules.items() if hasattr(imported, "METRIC")
    }


METRICS = find_metrics()


def metric(name: str) -> Metric:
    """Return the metric with this name."""
    if name not in METRICS:
        raise unknown_name_error("metric", name, METRICS, f"there is {', '.join(METRICS)}")
    return METRICS[name]
