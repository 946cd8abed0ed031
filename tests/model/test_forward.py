"""The forward pass in steps is the library's, with the head only where it is asked."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.model import forward
from visionflan.model.image_processing import preprocess, to_rgb
from visionflan.model.llava import build_llava


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral"])
def test_losses_of_padded_rows_are_those_of_the_library(tmp_path: Path, kind: str) -> None:
    save_tower(tmp_path / "tower")
    save_language_model(tmp_path / kind, kind)
    model, processor = build_llava(tmp_path / "tower", tmp_path / kind)
    image, padding = model.config.image_token_id, processor.tokenizer.pad_token_id
    lengths = (30, 21)
    tokens = torch.randint(5, 200, (2, 30))
    tokens[:, 1:17] = image
    learned = torch.zeros(2, 30, dtype=torch.bool)
    mask = torch.ones(2, 30, dtype=torch.long)
    for row, length in enumerate(lengths):
        learned[row, length - 4 : length] = True
        tokens[row, length:] = padding
        mask[row, length:] = 0
    colors = [Image.new("RGB", (40, 30), color) for color in ("red", "blue")]
    values = preprocess(processor, colors)
    labels = tokens.masked_fill(~learned, -100)
    whole = model(input_ids=tokens, attention_mask=mask, pixel_values=values, labels=labels)
    hidden = forward.hidden_states(model, tokens, forward.encode_images(model, values))
    logits = forward.answer_logits(model, hidden, learned)
    assert logits.shape[0] == learned.sum()
    torch.testing.assert_close(logits, whole.logits[:, :-1][learned[:, 1:]], atol=1e-5, rtol=1e-4)
    ours = forward.token_losses(logits, tokens[learned]).mean()
    torch.testing.assert_close(ours, whole.loss, atol=1e-5, rtol=1e-5)


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
