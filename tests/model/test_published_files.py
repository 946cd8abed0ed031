"""A checkpoint whose files are incomplete is refused in one sentence; older forms are read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.families import load_chat_tokenizer, load_model
from visionflan.storage.instance import Turn

ChangeFile = Callable[[Path], object]


def rewritten(**changes: object) -> ChangeFile:
    """Return a change of a JSON file that sets values, or removes those that are None."""

    def change(file: Path) -> None:
        content = json.loads(file.read_bytes()) | changes
        file.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))

    return change


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("qwen2_vl", "tokenizer.json", Path.unlink, r"has no token \d+, the image token of config"),
        ("internvl", "tokenizer.json", Path.unlink, r"has no token \d+, the image token of config"),
        (
            "internvl",
            "tokenizer_config.json",
            rewritten(start_image_token=None, model_specific_special_tokens=None),
            "InternVL checkpoint names no start_image_token",
        ),
        (
            "qwen2_vl",
            "model.safetensors",
            lambda file: file.write_bytes(file.read_bytes()[:100_000]),
            r"Qwen2VL checkpoint in .* cannot be loaded",
        ),
    ],
)
def test_incomplete_files_are_refused(
    name: str, file: str, change: ChangeFile, message: str, tmp_path: Path
) -> None:
    checkpoint = save_tiny(tmp_path, name)
    change(checkpoint / file)
    with pytest.raises(TrainingError, match=message):
        load_model(checkpoint).make_chat_tokenizer(load_model(checkpoint).processor)


def test_of_several_chat_templates_that_for_conversations_is_read(tmp_path: Path) -> None:
    checkpoint = save_tiny(tmp_path, "qwen2_vl")
    (checkpoint / "chat_template.jinja").unlink()
    template = FAMILIES["qwen2_vl"].template
    named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": template}]
    rewritten(chat_template=named)(checkpoint / "tokenizer_config.json")
    assert load_chat_tokenizer(checkpoint).chat_template == template


def test_an_image_marker_in_an_answer_is_refused_where_it_is_no_special_token(
    tmp_path: Path,
) -> None:
    tokenizer = load_chat_tokenizer(save_tiny(tmp_path, "qwen2_vl"))
    assert "<image>" not in tokenizer.tokenizer.get_vocab()
    tokenizer.validate([Turn("user", "<image>\nwhat?"), Turn("assistant", "red")], 1)
    with pytest.raises(UnusableError, match="special_token: the text contains <image>"):
        tokenizer.validate([Turn("user", "what?"), Turn("assistant", "an <image>")], 0)
