"""Models are tuned in the chat templates that they were published with."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests.helpers import tiny_families
from tests.helpers.library_inputs import library_inputs
from tests.helpers.published_templates import (
    FIRST_MISTRAL,
    LLAMA3,
    MISTRAL,
    ONEVISION,
    VICUNA,
)
from tests.helpers.tiny_families import FAMILIES, TinyFamily, save_tiny
from tests.helpers.tiny_requests import save_checkpoint
from tests.helpers.tiny_tokenizers import byte_level_tokenizer
from visionflan.errors import TrainingError
from visionflan.model.chat_rendering import messages
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families import load_chat_tokenizer
from visionflan.model.families.llava import Llava
from visionflan.model.image_prompt import ImageSize
from visionflan.storage.instance import Turn

TURNS = (
    Turn("user", "<image>\nwhat color ?"),
    Turn("assistant", "red"),
    Turn("user", "how many ?"),
    Turn("assistant", "two"),
)
PICTURE = Image.new("RGB", (40, 24), "red")
SIZES = (ImageSize(24, 40),)


def llama3_tokenizer() -> Any:
    """Return a tokenizer with tokens of several newlines, as that of Llama 3 has them."""
    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens(["\n\n", "\n\n\n"])
    return tokenizer


LLAMA3_FAMILY = replace(
    FAMILIES["llava_next"],
    tokenizer=llama3_tokenizer,
    text={"model_type": "llama"},
    special=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    end="<|eot_id|>",
)


class Published(NamedTuple):
    """A template, the tiny model that has it, and its conversation with [answers] in brackets."""

    template: str
    family: TinyFamily | None
    conversation: str


HEADER = "<|start_header_id|>{}<|end_header_id|>\n\n"
PUBLISHED = {
    "llava": Published(
        VICUNA,
        None,
        "USER: <image>\nwhat color ? ASSISTANT:[ red</s>]USER: how many ? ASSISTANT:[ two</s>]",
    ),
    "llava_next vicuna": Published(
        VICUNA,
        FAMILIES["llava_next"],
        "USER: <image>\nwhat color ? ASSISTANT:[ red</s>]USER: how many ? ASSISTANT:[ two</s>]",
    ),
    "llava_next mistral": Published(
        MISTRAL,
        FAMILIES["llava_next"],
        "[INST] <image>\nwhat color ? [/INST][ red</s>] [INST] how many ? [/INST][ two</s>] ",
    ),
    "llava_next llama3": Published(
        LLAMA3,
        LLAMA3_FAMILY,
        f"{HEADER.format('user')}<image>\nwhat color ?<|eot_id|>{HEADER.format('assistant')}"
        f"[red<|eot_id|>]{HEADER.format('user')}\nhow many ?<|eot_id|>"
        f"{HEADER.format('assistant')}[two<|eot_id|>]",
    ),
    "llava_onevision": Published(
        ONEVISION,
        FAMILIES["llava_onevision"],
        "<|im_start|>user <image>\nwhat color ?<|im_end|><|im_start|>assistant\n[red<|im_end|>]"
        "<|im_start|>user \nhow many ?<|im_end|><|im_start|>assistant\n[two<|im_end|>]",
    ),
}


def save_published(directory: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    published, family = PUBLISHED[name], name.partition(" ")[0]
    if published.family is None:
        checkpoint = save_checkpoint(directory)
    else:
        monkeypatch.setitem(tiny_families.FAMILIES, family, published.family)
        checkpoint = save_tiny(directory, family)
    (checkpoint / "chat_template.jinja").write_text(published.template)
    return checkpoint


def library_prompt(name: str, checkpoint: Path, turns: tuple[Turn, ...]) -> list[int]:
    """Return the tokens of a prompt as the library's own processor writes it."""
    chat = messages(turns)
    chat[0]["content"][0]["image"] = PICTURE
    if PUBLISHED[name].family is None:
        processor: Any = Llava.load_processor(checkpoint)
        inputs = processor.apply_chat_template(
            chat, tokenize=True, return_dict=True, add_generation_prompt=True
        )
        return list(inputs["input_ids"][0])
    inputs = library_inputs(name.partition(" ")[0], checkpoint, chat, add_generation_prompt=True)
    token_ids: list[int] = inputs["input_ids"][0].tolist()
    return token_ids


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_prompt_is_that_of_the_library_and_each_answer_follows_it_and_ends(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = save_published(tmp_path, name, monkeypatch)
    tokenizer: ChatTokenizer = load_chat_tokenizer(checkpoint)
    (prompt,) = tokenizer.encode_prompts([TURNS[:1]], [SIZES])
    prompt_ids = tokenizer.expand_images(prompt).token_ids
    assert prompt_ids == library_prompt(name, checkpoint, TURNS[:1])

    (rendered,) = tokenizer.renderer.conversations([TURNS])
    text = rendered.text
    for begin, end in reversed(rendered.answers):
        text = f"{text[:begin]}[{text[begin:end]}]{text[end:]}"
    assert text == PUBLISHED[name].conversation
    (complete,) = tokenizer.encode_conversations([TURNS], [SIZES])
    second = tokenizer.encode_prompts([TURNS[:3]], [SIZES])[0].token_ids
    assert complete.token_ids[: len(prompt.token_ids)] == prompt.token_ids
    assert complete.token_ids[: len(second)] == second
    begins = [
        index
        for index, is_target in enumerate(complete.loss_mask)
        if is_target and not complete.loss_mask[index - 1]
    ]
    assert begins == [len(prompt.token_ids), len(second)]
    ends = [token for token in complete.answer_tokens if token in tokenizer.end_token_ids]
    assert len(ends) == 2
    assert complete.answer_tokens[-1] == ends[-1]


def test_a_template_that_ends_answers_with_no_token_is_refused(tmp_path: Path) -> None:
    checkpoint = save_tiny(tmp_path, "llava_next")
    (checkpoint / "chat_template.jinja").write_text(FIRST_MISTRAL)
    with pytest.raises(TrainingError, match=r"does not end answers .* init.chat_template"):
        load_chat_tokenizer(checkpoint)
