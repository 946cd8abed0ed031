"""Print versions and hardware for a bug report."""

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import match
from typing import Any

from visionflan import __version__
from visionflan.cli.shared.dataset_args import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the environment as a table, or as JSON."""
    info = environment()
    if args.json:
        print_json(info)
        return 0
    for name, value in info.items():
        rows = value.items() if isinstance(value, dict) else [(name, value)]
        for label, text in rows:
            print(f"{label:<20}{text}")
    return 0


def environment() -> dict[str, Any]:
    """Return the versions of visionflan and its dependencies, and what hardware there is."""
    return {
        "visionflan": __version__,
        "location": str(Path(__file__).parents[1]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory": memory(),
        "accelerator": accelerator(),
        "packages": {name: installed_version(name) for name in dependencies()},
    }


def dependencies() -> list[str]:
    """Return the names of the packages that visionflan or one of its extras for users needs."""
    try:
        declared = requires("visionflan") or []
    except PackageNotFoundError:
        return []
    names = [name[0] for line in declared if (name := match(r"[\w.-]+", line))]
    return [name for name in dict.fromkeys(names) if name != "visionflan"]


def installed_version(package: str) -> str:
    """Return the version of a package, or `not installed`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def memory() -> str:
    """Return the size of the main memory in GiB."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def accelerator() -> str:
    """Return the devices that PyTorch sees, or why none is known."""
    try:
        import torch
    except ImportError:
        return "unknown (torch is not installed)"
    if not torch.cuda.is_available():
        return "MPS" if torch.backends.mps.is_available() else "none"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{', '.join(names)} (CUDA {torch.version.cuda})"
