"""Write a template of a dataset file that already runs, for you to edit."""

import argparse
from pathlib import Path

from visionflan import catalog
from visionflan.authoring import scaffold
from visionflan.errors import VisionflanError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", help="name of the dataset: lower-case letters, digits, underscores")
    parser.add_argument("--title", help="name as its owners write it")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="directory to write it to"
    )


def run(args: argparse.Namespace) -> int:
    """Write the file and print the next steps."""
    name: str = args.name
    path: Path = args.out / f"{name}.py"
    if not name.isidentifier() or name != name.lower():
        raise VisionflanError(f"{name!r} is not a module name: use only a-z, 0-9 and _")
    if name in catalog.names():
        raise VisionflanError(f"a dataset {name!r} already exists: choose another name")
    if path.exists():
        raise VisionflanError(f"{path} already exists: delete it or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scaffold.dataset_file(name, args.title or name))
    print(f"Wrote {path}. It runs as it is; try it, then adapt it to your release:")
    print(f"  visionflan check --dataset-file {path}")
    print(f"  visionflan tasks {name}/figure_recognition --show --dataset-file {path}")
    print(f"  visionflan build --dataset-file {path} --tasks '{name}/*' --demo --out build")
    return 0
