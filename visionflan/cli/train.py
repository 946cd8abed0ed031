"""Run a training recipe, or one of its stages.

A recipe is a short name (tiny, base_13b, chat_13b, base_7b, chat_7b, finetune; base_7b_24gb,
chat_7b_24gb and the same with 48gb and 80gb for one GPU; base_7b_24gb_qlora, chat_7b_24gb_qlora,
base_13b_48gb_qlora and chat_13b_48gb_qlora for one GPU with weights of 4 bits), or a function that
returns a TrainConfig, written as `package.module:function`. If training is interrupted, run the
same command again to resume. `--set runtime.num_processes=N` trains in N processes that share the
weights (FSDP2), as `torchrun --nproc-per-node N --no-python visionflan train ...` does.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log

if TYPE_CHECKING:
    from visionflan.train.config import TrainConfig

DEMO = ("caltech101/*", "coco/*", "iconqa/*", "vqa_rad/*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("recipe", metavar="RECIPE", help="a short name, or package.module:function")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="run directory")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--build",
        type=Path,
        metavar="BUILD",
        help="build directory of the stages that do not set one",
    )
    source.add_argument(
        "--demo",
        action="store_true",
        help="train ten steps per stage on generated data of a few datasets; `tiny` first "
        "pretrains its vision tower and language model, which takes a few minutes",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting, such as stages.base.learning_rate=1e-5; can be repeated",
    )
    parser.add_argument("--stage", metavar="NAME", help="train this stage only")
    parser.add_argument(
        "--show",
        action="store_true",
        help="print the configuration as JSON, and a table of each stage with a mixture of tasks, "
        "without training",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="print what each stage needs on 1, 4, 8 and 16 GPUs, without training: memory of a "
        "GPU and of the host, disk, hours. Without directories of parts, for those of the paper",
    )
    parser.add_argument(
        "--gpu-memory",
        type=float,
        metavar="GIB",
        help="with --plan: fail if a stage fits on none of these GPUs",
    )
    parser.add_argument(
        "--tflops",
        type=float,
        default=400.0,
        metavar="N",
        help="with --plan: operations that a GPU sustains, in TFLOP/s (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Train, and print the path of the last checkpoint."""
    config = make_config(args)
    if args.show:
        show(config)
        return 0
    if args.plan:
        print_plan(config, args)
        return 0
    from visionflan.train.run import train

    if args.demo and not (args.out / "build" / "manifest.json").is_file():
        from visionflan.builder.demo import specimens
        from visionflan.builder.plan import BuildSettings
        from visionflan.builder.run import build

        with specimens(DEMO) as data_root:
            build(data_root, args.out / "build", BuildSettings(tasks=DEMO), log=log)
    print(train(config, args.out, only=args.stage, log=log))
    return 0


def show(config: "TrainConfig") -> None:
    """Print a configuration as JSON to stdout, and the mixtures of its stages to stderr."""
    import json

    from visionflan.cli.shared.mixture_table import mixture_table
    from visionflan.train.config_io import to_json
    from visionflan.train.preflight import check_settings

    check_settings(config)
    print(json.dumps(to_json(config), indent=1))
    for stage in config.stages:
        log(*mixture_table(config, stage))


def print_plan(config: "TrainConfig", args: argparse.Namespace) -> None:
    """Print what each stage needs.

    Raises TrainingError where training would, and if a stage needs more memory than a GPU has.
    Weights may be missing: that is printed.
    """
    from dataclasses import replace

    from visionflan.errors import TrainingError
    from visionflan.train.plan.estimate import (
        GIB,
        GPU_COUNTS,
        check_fits,
        plan_stages,
        plan_text,
    )
    from visionflan.train.plan.weight_names import check_weight_names
    from visionflan.train.preflight import check_planned, check_weights
    from visionflan.train.run import check_run_directory

    if args.demo and not (args.out / "build").exists():
        config = replace(config, build=None)
    stages = config.stages if args.stage is None else (config.stage(args.stage),)
    check_run_directory(args.out)
    check_planned(config, stages)
    check_weight_names(config, stages)
    operations = args.tflops * 1e12
    plans = list(plan_stages(replace(config, stages=stages), GPU_COUNTS, operations))
    print("\n".join(plan_text(plans, operations)))
    try:
        check_weights(config.init)
    except TrainingError as error:
        log(f"training would be refused now: {error}")
    if args.gpu_memory is not None:
        check_fits(plans, args.gpu_memory * GIB)


def make_config(args: argparse.Namespace) -> "TrainConfig":
    """Return the recipe's configuration with the changes from the command line."""
    from dataclasses import replace

    from visionflan.recipes import find
    from visionflan.train.config_io import override

    config = find(args.recipe)
    if args.demo:
        stages = (replace(stage, steps=10, epochs=None) for stage in config.stages)
        config = replace(config, stages=tuple(stages), build=(args.out / "build").resolve())
    if args.build is not None:
        config = replace(config, build=args.build.resolve())
    for setting in args.set:
        config = override(config, setting)
    return config
