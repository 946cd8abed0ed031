"""Drawn images, and instances with stored images, for tests of build directories."""

import io

from PIL import Image

from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import TaskInfo

INFO = TaskInfo(
    dataset="drawn",
    official_name="drawn+color",
    title="Color",
    instruction="Name the color.",
    category="Perception",
    group="question answering",
    metric="exact_match",
)


def draw_image(number: int, image_format: str = "JPEG") -> bytes:
    """Draw an image that is not a near-duplicate of another number."""
    image = Image.effect_noise((48 + number % 7, 40), 90).convert("RGB")
    image.paste(((number * 53) % 256, (number * 101) % 256, (number * 17) % 256), (0, 0, 30, 30))
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()


def instance(key: str, images: tuple[str, ...], task: str = "drawn/color") -> Instance:
    """Return an instance with stored images."""
    marker = "\n".join(["<image>"] * len(images))
    return Instance(
        id=f"{task}/{key}",
        dataset="drawn",
        task=task,
        split="train",
        key=key,
        images=images,
        turns=(
            Turn("user", f"{marker}\nName the color of {key}."),
            Turn("assistant", f"red {key}"),
        ),
        instruction="Name the color.",
        text=key,
        options=("red", "blue"),
        target="red",
        references=("red",),
        metric="exact_match",
        synthetic=False,
    )
