"""The forward pass in steps agrees with the library's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.image_pixels import to_rgb
from visionflan.model import forward
from visionflan.model.families.llava import Llava
from visionflan.model.image_processing import preprocess


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral"])
def test_losses_of_padded_rows_are_those_of_the_library(tmp_path: Path, kind: str) -> None:
    save_tower(tmp_path / "tower")
    save_language_model(tmp_path / kind, kind)
    vlm = Llava.build(tmp_path / "tower", tmp_path / kind)
    model: Any = vlm.model
    image, padding = vlm.model.config.image_token_id, vlm.processor.tokenizer.pad_token_id
    lengths = (30, 21)
    token_ids = torch.randint(5, 200, (2, 30))
    token_ids[:, 1:17] = image
    loss_mask = torch.zeros(2, 30, dtype=torch.bool)
    attention_mask = torch.ones(2, 30, dtype=torch.long)
    for row, length in enumerate(lengths):
        loss_mask[row, length - 4 : length] = True
        token_ids[row, length:] = padding
        attention_mask[row, length:] = 0
    images = [Image.new("RGB", (40, 30), color) for color in ("red", "blue")]
    values = preprocess(vlm.processor, images)
    labels = token_ids.masked_fill(~loss_mask, -100)
    expected = model(
        input_ids=token_ids, attention_mask=attention_mask, pixel_values=values, labels=labels
    )
    image_positions = (token_ids == image).flatten().nonzero().flatten()
    hidden = vlm.hidden_states(token_ids, image_positions, {"pixel_values": values})
    logits = forward.target_logits(vlm, hidden, loss_mask.flatten().nonzero().flatten())
    assert logits.shape[0] == loss_mask.sum()
    torch.testing.assert_close(
        logits, expected.logits[:, :-1][loss_mask[:, 1:]], atol=1e-5, rtol=1e-4
    )
    loss = forward.token_losses(logits, token_ids[loss_mask]).mean()
    torch.testing.assert_close(loss, expected.loss, atol=1e-5, rtol=1e-5)


def test_what_is_transparent_becomes_white_and_deep_gray_keeps_its_shades() -> None:
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((1, 0), (10, 20, 30, 255))
    assert [to_rgb(clear).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 20, 30)]
    palette = Image.new("P", (1, 1), 0)
    palette.info["transparency"] = 0
    assert to_rgb(palette).getpixel((0, 0)) == (255, 255, 255)
    deep = Image.new("I;16", (1, 1), 128 * 256)
    assert to_rgb(deep).getpixel((0, 0)) == (128, 128, 128)
    assert to_rgb(Image.new("L", (1, 1), 7)).getpixel((0, 0)) == (7, 7, 7)
