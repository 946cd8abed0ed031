"""Write the first version of a dataset file, which already runs, for you to rewrite."""

import argparse
from pathlib import Path

from visionflan import catalog
from visionflan.authoring import scaffold
from visionflan.errors import VisionflanError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", help="the dataset's name: lower-case letters, digits, underscores")
    parser.add_argument("--title", help="the name as its owners write it")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder to write it in")


def run(given: argparse.Namespace) -> int:
    """Write the file and tell what to do next."""
    name: str = given.name
    path: Path = given.out / f"{name}.py"
    if not name.isidentifier() or name != name.lower():
        raise VisionflanError(f"{name!r} is no module name: use lower case letters, digits and _")
    if name in catalog.names():
        raise VisionflanError(f"there is a dataset {name!r} already: choose another name")
    if path.exists():
        raise VisionflanError(f"{path} is there already: remove it or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scaffold.dataset_file(name, given.title or name))
    print(f"Wrote {path}. It runs as it is; try it, then rewrite it for your release:")
    print(f"  visionflan check --dataset-file {path}")
    print(f"  visionflan tasks {name}/figure_recognition --show --dataset-file {path}")
    print(f"  visionflan build --dataset-file {path} --tasks '{name}/*' --demo --out build")
    return 0
