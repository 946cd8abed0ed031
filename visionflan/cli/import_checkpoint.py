"""Import a model in the form of LLaVA's own code as a checkpoint.

SOURCE is a directory as haotian-liu/LLaVA writes and publishes it: LLaVA-1.5 with a Llama or a
Mistral, whose connector has two layers. The checkpoint is one for `transformers` and for every
command here. Weights stay as they are; `<image>` and a padding token are added if they are missing.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="directory of the model")
    parser.add_argument(
        "--vision-tower",
        type=Path,
        required=True,
        metavar="DIR",
        help="directory of the vision tower that the model names, with its image processor; its "
        "weights are used unless SOURCE has some",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="CKPT", help="checkpoint to create"
    )
    parser.add_argument(
        "--chat-template",
        default="",
        metavar="NAME|FILE",
        help="vicuna, plain, or a Jinja file (default: that of the tokenizer, or else vicuna)",
    )


def run(args: argparse.Namespace) -> int:
    """Import a model and say where it is."""
    from visionflan.model.pretrained import silence_transformers
    from visionflan.train.original_checkpoint import import_checkpoint

    silence_transformers()
    import_checkpoint(
        args.source, args.out, vision_tower=args.vision_tower, chat_template=args.chat_template
    )
    print(f"{args.out}: a checkpoint with the weights of {args.source}")
    return 0
