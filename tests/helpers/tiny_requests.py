"""Save a tiny checkpoint, and define conversations for it."""

from pathlib import Path

from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.storage.instance import Turn

RED, BLUE = Image.new("RGB", (50, 30), "red"), Image.new("RGB", (20, 30), "blue")
CONVERSATIONS = [
    [Turn("user", "<image>\nWhat color is the shape?")],
    [Turn("user", "Name it. The picture shows a circle, and questions are many\n<image>")],
    [Turn("user", "how many?")],
    [Turn("user", "how many?\n<image><image>"), Turn("assistant", "two"), Turn("user", "sure?")],
]
IMAGES = [[RED], [BLUE], [], [BLUE, RED]]


def save_checkpoint(directory: Path, kind: str = "llama") -> Path:
    """Save a tiny checkpoint whose weights are large enough to make answers differ."""
    import torch

    from visionflan.model.families.llava import Llava

    vlm = Llava.build(
        save_tower(directory / "tower"), save_language_model(directory / "words", kind)
    )
    with torch.no_grad():
        for weight in vlm.model.parameters():
            weight.mul_(3)
    vlm.model.save_pretrained(directory / "joined")
    vlm.processor.save_pretrained(directory / "joined")
    return directory / "joined"
