"""Our turns and the standard messages of other programs become the same tokens."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.standard_messages import CONVERSATIONS
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.dataset import IMAGE_MARKER
from visionflan.model.chat_templates import BY_NAME
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families.llava import Llava
from visionflan.prompt import split_at_images
from visionflan.storage.instance import Turn

GOLDEN = Path(__file__).parents[1] / "golden/token_ids.json"
KINDS = ("gemma3_text", "gpt2", "llama", "qwen2")


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ChatTokenizer]:
    directory = tmp_path_factory.mktemp("parts")
    save_tower(directory / "tower")
    tokenizers = {}
    for kind in KINDS:
        save_language_model(directory / kind, kind)
        vlm = Llava.build(directory / "tower", directory / kind, chat_template="vicuna")
        vlm.processor.save_pretrained(directory / "saved" / kind)
        loaded = Llava.load_processor(directory / "saved" / kind)
        tokenizers[kind] = Llava.make_chat_tokenizer(loaded)
    return tokenizers


def encode(tokenizer: ChatTokenizer, messages: list[dict[str, Any]], prompt: bool) -> list[int]:
    """Return the tokens of messages by the processor alone."""
    image = Image.new("RGB", (40, 30), "red")
    filled = [
        {
            **message,
            "content": [
                part | {"image": image} if part["type"] == "image" else part
                for part in message["content"]
            ],
        }
        for message in messages
    ]
    untyped: Any = tokenizer.processor
    encoding = untyped.apply_chat_template(
        filled, tokenize=True, return_dict=True, add_generation_prompt=prompt
    )
    token_ids: list[int] = encoding["input_ids"][0]
    return token_ids


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_turns_and_standard_messages_have_the_tokens_of_a_written_list(
    tokenizers: dict[str, ChatTokenizer], kind: str, name: str
) -> None:
    tokenizer, conversation = tokenizers[kind], CONVERSATIONS[name]
    turns, messages = conversation
    complete = tokenizer.encode_conversations([turns])[0]
    prompt = tokenizer.encode_prompts([turns[:-1]])[0]
    expected = json.loads(GOLDEN.read_bytes())[kind][name]
    assert {"prompt": prompt.token_ids, "complete": complete.token_ids} == expected
    assert tokenizer.prompt_tokens([turns[:-1]]) == [prompt.token_ids]
    assert complete.token_ids.count(tokenizer.image_token_id) == conversation.num_images
    assert tokenizer.expand_images(complete).token_ids == encode(tokenizer, messages, False)
    assert tokenizer.expand_images(prompt).token_ids == encode(tokenizer, messages[:-1], True)


def render(content: str | list[dict[str, str]], template: str) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    untyped: Any = render_jinja_template
    texts, _ = untyped(
        conversations=[[{"role": "user", "content": content}]],
        chat_template=BY_NAME[template],
        bos_token="<s>",
        eos_token="</s>",
    )
    return str(texts[0])


@pytest.mark.parametrize("template", ["vicuna", "plain"])
@settings(max_examples=300)
@given(pieces=st.lists(st.sampled_from([IMAGE_MARKER, "\n", " ", "\t", "a", "b c", "\u3000"])))
def test_a_turn_with_white_space_around_its_images_is_rendered_as_it_is(
    template: str, pieces: list[str]
) -> None:
    separated = "".join(pieces).replace(IMAGE_MARKER, f"\n{IMAGE_MARKER}\n")
    for turn in (separated, separated.strip("\n"), separated.replace("\n\n", "\n")):
        assert render(split_at_images(turn), template) == render(turn, template)


def test_the_image_token_of_the_tokenizer_is_ours(tokenizers: dict[str, ChatTokenizer]) -> None:
    gemma = tokenizers["gemma3_text"]
    processor: Any = gemma.processor
    assert processor.image_token == gemma.tokenizer.image_token == IMAGE_MARKER
    assert processor.image_token_id == gemma.image_token_id


def test_a_text_with_a_token_of_the_tokenizers_own_images_is_still_refused(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    from visionflan.errors import UnusableError

    gemma = tokenizers["gemma3_text"]
    turns = [Turn("user", "<image>\na <image_soft_token>"), Turn("assistant", "a")]
    with pytest.raises(UnusableError, match="special_token"):
        gemma.validate(turns, 1)
