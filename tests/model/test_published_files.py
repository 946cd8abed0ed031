"""A checkpoint whose files are incomplete is refused in one sentence; older forms are read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers.processing_utils import ProcessorMixin

from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.families import load_chat_tokenizer, load_family, load_model
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
        (
            "llava_onevision",
            "config.json",
            rewritten(vision_aspect_ratio="anyres"),
            r"has vision_aspect_ratio 'anyres', .*: set it to anyres_max_N",
        ),
        (
            "llava_onevision",
            "config.json",
            rewritten(vision_feature_select_strategy="default"),
            r"llava_onevision checkpoint has vision_feature_select_strategy 'default', .*'full'$",
        ),
        (
            "llava_next",
            "config.json",
            rewritten(vision_feature_select_strategy="full"),
            r"llava_next checkpoint has vision_feature_select_strategy 'full', .*: set 'default'$",
        ),
        (
            "internvl",
            "config.json",
            rewritten(text_config=None),
            r"InternVL checkpoint in .* has \d+,\d+ weights, and its config.json describes \d+,\d+",
        ),
        (
            "qwen2_vl",
            "config.json",
            rewritten(quantization_config={"quant_method": "gptq", "bits": 4}),
            r"Qwen2VL checkpoint in .* cannot be loaded: .*GPTQ quantized model requires optimum",
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


@pytest.mark.parametrize("name", ["gemma3", "idefics3"])
def test_without_settings_of_generation_those_of_the_model_name_the_end_of_an_answer(
    name: str, tmp_path: Path
) -> None:
    checkpoint = save_tiny(tmp_path, name)
    ends = load_chat_tokenizer(checkpoint).end_token_ids
    (checkpoint / "generation_config.json").unlink()
    with pytest.raises(
        TrainingError, match=r"^generation_config.json is missing, .*: copy the one"
    ):
        load_chat_tokenizer(checkpoint)
    rewritten(eos_token_id=sorted(ends))(checkpoint / "config.json")
    assert load_chat_tokenizer(checkpoint).end_token_ids == ends
    assert set(load_model(checkpoint).model.generation_config.eos_token_id) == ends


@pytest.mark.parametrize("form", ["processor_config.json", "chat_template.json"])
def test_a_chat_template_in_an_older_form_is_read_first_as_by_the_library(
    form: str, tmp_path: Path
) -> None:
    checkpoint = save_tiny(tmp_path / "published", "idefics3")
    template = FAMILIES["idefics3"].template
    (checkpoint / "chat_template.jinja").write_text(template.replace("Assistant", "Other"))
    (checkpoint / form).write_text(json.dumps({"chat_template": template}))
    settings, _ = ProcessorMixin.get_processor_dict(str(checkpoint))
    assert settings["chat_template"] == template
    assert load_chat_tokenizer(checkpoint).chat_template == template

    file = tmp_path / "other.jinja"
    file.write_text(template.replace("Assistant", "Answer"))
    changed = load_family("idefics3").load_processor(checkpoint, str(file))
    (tmp_path / "saved").mkdir()
    changed.save_pretrained(tmp_path / "saved")
    settings, _ = ProcessorMixin.get_processor_dict(str(tmp_path / "saved"))
    assert settings["chat_template"] == file.read_text()
