"""Export a checkpoint to the form of LLaVA's own code.

`llava` is the form that haotian-liu/LLaVA, and programs built on it, open: LLaVA-1.5 with a Llama
or a Mistral and a vision tower of CLIP. Weights stay as they are; the rows of `<image>` and of a
padding token that were added are left out.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CKPT",
        help="checkpoint, stage of a run, or a run, whose last checkpoint is used",
    )
    parser.add_argument(
        "--format", choices=["llava"], required=True, help="form of the exported model"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="directory to create"
    )
    parser.add_argument(
        "--vision-tower",
        default="",
        metavar="NAME",
        help="name of the vision tower on the hub, or its directory, for the settings of the model "
        "(default: that of LLaVA-1.5)",
    )


def run(args: argparse.Namespace) -> int:
    """Export a checkpoint and say where it is."""
    from visionflan.model.checkpoint_path import find_checkpoint
    from visionflan.train.original_checkpoint import export_checkpoint

    checkpoint = find_checkpoint(args.checkpoint)
    export_checkpoint(checkpoint, args.out, vision_tower=args.vision_tower)
    print(f"{args.out}: the weights of {checkpoint} in the form of LLaVA's own code")
    return 0
