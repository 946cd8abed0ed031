"""Write what other programs read in `make compat`: checkpoints, an export, and expected values.

    python -m tests.helpers.compat_files DIRECTORY

This runs in the development environment; the programs run in environments of their own.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from tests.helpers.standard_messages import CONVERSATIONS
from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.formats.exporting import export
from visionflan.model.generate import Checkpoint
from visionflan.model.image_processing import preprocess
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train

KINDS = {"gemma3_text": "siglip", "gpt2": "clip", "llama": "clip", "qwen2": "siglip"}
IMAGE_SIZE, IMAGE_COLOR = (50, 30), (200, 30, 60)
QUESTION = "image first"


def write(directory: Path) -> None:
    """Write a build, its export, and one trained checkpoint for each kind of language model."""
    build = write_build(directory / "build", texts=2, change=change_turns())
    export(BuildDirectory(build), directory / "export", "huggingface")
    for tower in set(KINDS.values()):
        save_tower(directory / tower, tower)
    for kind, tower in KINDS.items():
        language_model = save_language_model(directory / kind / "language_model", kind)
        config = TrainConfig(
            name=kind,
            build=build,
            init=InitConfig(
                vision_tower=directory / tower,
                language_model=language_model,
                chat_template="vicuna",
            ),
            runtime=RuntimeConfig(device="cpu", num_threads=1),
            stages=(StageConfig(name="base", learning_rate=1e-2, steps=4, batch_size=8),),
        )
        path = train(config, directory / kind / "run")
        path.rename(directory / kind / "checkpoint")
        expected = expected_values(directory / kind / "checkpoint", BuildDirectory(build))
        (directory / kind / "expected.json").write_text(json.dumps(expected))


def change_turns() -> dict[int, Callable[[Instance], Instance]]:
    """Return changes of the first instances: each has the turns of one conversation."""
    conversations = [pair.turns for pair in CONVERSATIONS.values() if pair.num_images == 1]
    return {
        index: partial(Instance._replace, turns=turns) for index, turns in enumerate(conversations)
    }


def expected_values(checkpoint: Path, build: BuildDirectory) -> dict[str, Any]:
    """Return tokens, logits and an answer as visionflan computes them."""
    model = Checkpoint.load(checkpoint, "cpu")
    tokenizer = model.chat_tokenizer
    prompts = {
        name: tokenizer.expand_images(tokenizer.encode_prompts([turns[:-1]])[0]).token_ids
        for name, (turns, _) in CONVERSATIONS.items()
    }
    instances = list(build.instances("train"))
    encoded = tokenizer.encode_conversations([instance.turns for instance in instances])
    rows = {
        instance.id: tokenizer.expand_images(conversation).token_ids
        for instance, conversation in zip(instances, encoded, strict=True)
    }
    image = Image.new("RGB", IMAGE_SIZE, IMAGE_COLOR)
    untyped: Any = model.vlm.model
    with torch.inference_mode():
        logits = untyped(
            input_ids=torch.tensor([prompts[QUESTION]]),
            pixel_values=preprocess(model.vlm.processor, [image]),
        ).logits[0, -1]
    answer = model.answer("what color ?", image, max_new_tokens=6)
    return {
        "image": {"size": IMAGE_SIZE, "color": IMAGE_COLOR},
        "prompts": prompts,
        "rows": rows,
        "logits": logits.tolist(),
        "answer": answer.text,
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
