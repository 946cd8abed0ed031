"""Run a recipe, or one of its stages.

A recipe is a short name (tiny, base_13b, chat_13b, base_7b, chat_7b), or any function told as
`package.module:function` that returns a TrainConfig. Stopped at any moment, the same command goes
on where it was. `torchrun --nproc-per-node N --no-python visionflan train ...` shares the weights
out to N processes.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log

if TYPE_CHECKING:
    from visionflan.train.config import TrainConfig

DEMO = ("caltech101/*", "coco/*", "iconqa/*", "vqa_rad/*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("recipe", metavar="RECIPE", help="a short name, or package.module:function")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--build", type=Path, metavar="BUILD", help="what the stages read")
    source.add_argument(
        "--demo", action="store_true", help="train ten steps a stage on specimens of a few datasets"
    )
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

    from visionflan.train.config_io import to_json

    config = configured(given)
    if given.show:
        print(json.dumps(to_json(config), indent=1))
        return 0
    from visionflan.train.run import train

    if given.demo and not (given.out / "build" / "manifest.json").is_file():
        from visionflan.builder.demo import specimens
        from visionflan.builder.plan import BuildSettings
        from visionflan.builder.run import build

        with specimens(DEMO) as data_root:
            build(data_root, given.out / "build", BuildSettings(tasks=DEMO), log=log)
    print(train(config, given.out, only=given.stage, say=log))
    return 0


def configured(given: argparse.Namespace) -> "TrainConfig":
    """Give the recipe with what the command line changes."""
    from dataclasses import replace

    from visionflan.recipes import find
    from visionflan.train.config_io import override

    config = find(given.recipe)
    if given.demo:
        short = (replace(stage, steps=10, epochs=None) for stage in config.stages)
        config = replace(config, stages=tuple(short), build=(given.out / "build").resolve())
    if given.build is not None:
        config = replace(config, build=given.build.resolve())
    for setting in given.set:
        config = override(config, setting)
    return config
