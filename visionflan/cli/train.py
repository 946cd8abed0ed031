"""Run a recipe, or one of its stages.

A recipe is `tiny`, `base_13b`, `chat_13b`, `base_7b`, `chat_7b`, or any function told as
`package.module:function` that returns a TrainConfig. Stopped at any moment, the same command goes
on where it was. `torchrun --nproc-per-node N --no-python visionflan train ...` shares the weights
out to N processes.
"""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("recipe", metavar="RECIPE", help="a short name, or package.module:function")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    parser.add_argument("--build", type=Path, metavar="BUILD", help="what the stages read")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting, as stages.base.learning_rate=1e-5; can be given again",
    )
    parser.add_argument("--stage", metavar="NAME", help="train this stage only")
    parser.add_argument(
        "--show", action="store_true", help="print the whole configuration and train nothing"
    )


def run(given: argparse.Namespace) -> int:
    """Train, and say where the checkpoint is."""
    import json
    from dataclasses import replace

    from visionflan.recipes import find
    from visionflan.train.settings import override, to_json

    config = find(given.recipe)
    if given.build is not None:
        config = replace(config, build=given.build.resolve())
    for setting in given.set:
        config = override(config, setting)
    if given.show:
        print(json.dumps(to_json(config), indent=1))
        return 0
    from visionflan.train.run import train

    print(train(config, given.out, only=given.stage, say=tell))
    return 0


def tell(line: str) -> None:
    """Print a line about the work, apart from the results."""
    print(line, file=sys.stderr, flush=True)
