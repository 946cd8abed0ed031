"""Versions of `transformers` load our checkpoints, and make our tokens, logits and answers."""

import base64
import io
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from tests.compat.conftest import WrittenCheckpoint
from tests.helpers.standard_messages import CONVERSATIONS

pytestmark = pytest.mark.compat


def draw(expected: dict[str, Any]) -> Any:
    from PIL import Image

    size, color = expected["image"]["size"], expected["image"]["color"]
    return Image.new("RGB", tuple(size), tuple(color))


def encode(processor: Any, messages: list[dict[str, Any]], image: Any = None) -> Any:
    filled = [
        {
            **message,
            "content": [
                {**part, "image": image} if image and part["type"] == "image" else part
                for part in message["content"]
            ],
        }
        for message in messages
    ]
    return processor.apply_chat_template(
        filled, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )


def test_no_weight_is_drawn_anew_and_answers_are_ours(checkpoint: WrittenCheckpoint) -> None:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    path, expected = checkpoint
    auto: Any = AutoModelForImageTextToText
    model, info = auto.from_pretrained(path, output_loading_info=True)
    assert not any(info.values())
    processor: Any = AutoProcessor.from_pretrained(path)
    inputs = encode(processor, CONVERSATIONS["image first"].messages[:1], draw(expected))
    with torch.inference_mode():
        logits = model(**inputs).logits[0, -1]
    torch.testing.assert_close(logits, torch.tensor(expected["logits"]), rtol=1e-4, atol=1e-4)
    generated = model.generate(**inputs, max_new_tokens=6)[0, inputs["input_ids"].shape[1] :]
    answer = processor.decode(generated, skip_special_tokens=True).strip()
    assert answer == expected["answer"]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_standard_messages_have_our_tokens(checkpoint: WrittenCheckpoint, name: str) -> None:
    from transformers import AutoProcessor

    path, expected = checkpoint
    processor = AutoProcessor.from_pretrained(path)
    inputs = encode(processor, CONVERSATIONS[name].messages[:-1], draw(expected))
    assert inputs["input_ids"][0].tolist() == expected["prompts"][name]


# Where versions of `transformers` have the code of their server, newest first.
SERVERS = (
    ("transformers.cli.serving.utils", "BaseHandler", "get_processor_inputs_from_messages"),
    ("transformers.cli.serve", "Serve", "get_processor_inputs_from_inbound_messages"),
    ("transformers.commands.serving", "ServeCommand", "get_processor_inputs_from_inbound_messages"),
)


def exists(module: str) -> bool:
    """Return whether the installed version has a module."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def to_processor_messages(messages: list[dict[str, Any]]) -> Any:
    """Convert messages of the OpenAI interface by the code of `transformers serve`."""
    module_name, handler, function = next(server for server in SERVERS if exists(server[0]))
    module: Any = import_module(module_name)
    return getattr(getattr(module, handler), function)(messages, module.Modality.VLM)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_transformers_serve_makes_our_tokens(checkpoint: WrittenCheckpoint, name: str) -> None:
    from transformers import AutoProcessor

    path, expected = checkpoint
    buffer = io.BytesIO()
    draw(expected).save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    image = {"type": "image_url", "image_url": {"url": url}}
    messages = [
        {
            **message,
            "content": [image if part["type"] == "image" else part for part in message["content"]],
        }
        for message in CONVERSATIONS[name].messages[:-1]
    ]
    inputs = encode(AutoProcessor.from_pretrained(path), to_processor_messages(messages))
    assert inputs["input_ids"][0].tolist() == expected["prompts"][name]
