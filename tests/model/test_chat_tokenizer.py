"""Conversations become tokens, and the loss mask selects exactly the answers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from PIL import Image

from tests.helpers.chat_tokenizers import KINDS, texts, with_template
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.chat_rendering import assistant_mask, messages
from visionflan.model.chat_templates import CAPTION, PLAIN, VICUNA
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.storage.instance import Turn


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("template", [VICUNA, PLAIN], ids=["vicuna", "plain"])
@settings(deadline=None, max_examples=40)
@given(questions=texts, replies=texts)
def test_the_loss_mask_selects_the_answers_with_their_ends_and_nothing_else(
    tokenizers: dict[str, ChatTokenizer],
    kind: str,
    template: str,
    questions: list[str],
    replies: list[str],
) -> None:
    tokenizer = with_template(tokenizers[kind], template)
    turns = []
    for index, (question, reply) in enumerate(zip(questions, replies, strict=False)):
        turns += [Turn("user", "<image>\n" * (index == 0) + question), Turn("assistant", reply)]
    conversation = tokenizer.encode_conversations([turns])[0]
    targets = tokenizer.tokenizer.decode(conversation.answer_tokens)
    end = tokenizer.tokenizer.eos_token
    assert [part.strip() for part in targets.split(end)] == [
        *(turn.text.strip() for turn in turns if turn.role == "assistant"),
        "",
    ]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40)
@given(question=texts, reply=texts)
def test_a_prompt_has_the_same_tokens_in_training_and_at_inference(
    tokenizers: dict[str, ChatTokenizer], kind: str, question: list[str], reply: list[str]
) -> None:
    tokenizer = tokenizers[kind]
    prompt = Turn("user", "<image>\n" + " ".join(question))
    complete = tokenizer.encode_conversations([[prompt, Turn("assistant", " ".join(reply))]])[0]
    first = complete.loss_mask.index(True)
    assert tokenizer.encode_prompts([[prompt]])[0].token_ids == complete.token_ids[:first]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_are_those_of_the_processor(
    tokenizers: dict[str, ChatTokenizer], kind: str
) -> None:
    tokenizer = tokenizers[kind]
    processor: Any = tokenizer.processor
    turns = [
        Turn("user", "Which is red?\n<image> or\n<image>"),
        Turn("assistant", "(a) the first"),
        Turn("user", "and blue?"),
        Turn("assistant", "the second."),
    ]
    image = Image.new("RGB", (40, 30), "red")
    chat = messages(turns)
    for part in chat[0]["content"]:
        if part["type"] == "image":
            part["image"] = image
    expected: Any = processor.apply_chat_template(
        chat, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    expanded = tokenizer.expand_images(tokenizer.encode_conversations([turns])[0])
    assert expanded.token_ids == expected["input_ids"][0]
    assert expanded.token_ids.count(tokenizer.image_token_id) == 2 * 16
    assert expanded.loss_mask == [bool(flag) for flag in expected["assistant_masks"][0]]
    prompt: Any = processor.apply_chat_template(
        chat[:1], tokenize=True, return_dict=True, add_generation_prompt=True
    )
    own = tokenizer.expand_images(tokenizer.encode_prompts([turns[:1]])[0])
    assert own.token_ids == prompt["input_ids"][0]


def test_a_text_is_begun_once_by_template_or_tokenizer(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    tokenizer = tokenizers["llama"]
    turns = [Turn("user", "what is it?"), Turn("assistant", "red")]
    begin = tokenizer.tokenizer.bos_token_id
    for template in (VICUNA, VICUNA.replace("{{- bos_token -}}", "")):
        own = with_template(tokenizer, template)
        for tokens in (
            own.encode_conversations([turns])[0].token_ids,
            own.encode_prompts([turns[:1]])[0].token_ids,
        ):
            assert tokens[0] == begin
            assert tokens.count(begin) == 1


def test_a_text_with_a_special_token_is_refused(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    tokenizer = tokenizers["llama"]
    tokenizer.validate([Turn("user", "<image>\na < b"), Turn("assistant", "s>")], 1)
    with pytest.raises(
        UnusableError, match="special_token: the text contains </s>, a special token"
    ):
        tokenizer.validate([Turn("user", "<image>\nend </s>"), Turn("assistant", "a")], 1)
    with pytest.raises(UnusableError, match="special_token: the text contains <image>"):
        tokenizer.validate([Turn("user", "<image>\na"), Turn("assistant", "an <image>")], 1)


@pytest.mark.parametrize(("text", "images"), [("a", 1), ("<image>", 0), ("<image><image>", 1)])
def test_markers_and_images_that_differ_in_number_are_refused(
    tokenizers: dict[str, ChatTokenizer], text: str, images: int
) -> None:
    with pytest.raises(UnusableError, match="image_token_mismatch"):
        tokenizers["llama"].validate([Turn("user", text), Turn("assistant", "a")], images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{{ ' ' + parts(message) + eos_token }}", ""), "writes no answer"),
        ((" + eos_token", " + '<end>'"), "does not end answers"),
        (("' ASSISTANT:'", "' ASSISTANT: '"), "one token spans the end"),
        (("add_generation_prompt", "false"), "other tokens in training"),
    ],
)
def test_a_template_that_would_train_wrongly_is_refused(
    tokenizers: dict[str, ChatTokenizer], change: tuple[str, str], message: str
) -> None:
    template = VICUNA.replace(*change)
    assert template != VICUNA
    if message == "one token spans the end":
        template = template.replace("' ' + parts(message) + eos", "parts(message) + eos")
    with pytest.raises(TrainingError, match=message):
        with_template(tokenizers["llama"], template)


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_follows_its_image_on_a_line_of_its_own(
    tokenizers: dict[str, ChatTokenizer], kind: str
) -> None:
    tokenizer = tokenizers[kind]
    captions = ChatTokenizer(tokenizer.processor, tokenizer.images, CAPTION)
    turns = [Turn("user", "<image>\nDescribe it."), Turn("assistant", "two red circles")]
    (conversation,) = captions.encode_conversations([turns])
    begin = [tokenizer.tokenizer.bos_token_id] if tokenizer.tokenizer.bos_token else []
    prompt = [*begin, tokenizer.image_token_id]
    assert conversation.token_ids[: len(prompt)] == prompt
    assert conversation.loss_mask == [False] * len(prompt) + [True] * (
        len(conversation.token_ids) - len(prompt)
    )
    text = tokenizer.tokenizer.decode(conversation.answer_tokens)
    assert text.lstrip(" ") == "two red circles\n"
    with pytest.raises(TrainingError, match="does not write the content of a turn"):
        with_template(tokenizer, CAPTION)


TEXT_ONLY = {
    "adds texts": "{{ message['content'] + eos_token }}",
    "strips": "{{ message['content'].strip() + eos_token }}",
    "writes a list as text": "{{ message['content'] | string | trim }}{{ eos_token }}",
    "skips a list": "{%- if message['content'] is string %}{{ message['content'] }}{% endif %}",
    "refuses a list": "{{ raise_exception('only text') }}",
    "has another image token": (
        "{% for part in message['content'] %}{{ part['text'] or '<|image_pad|>' }}{% endfor %}"
    ),
}


@pytest.mark.parametrize("body", TEXT_ONLY.values(), ids=TEXT_ONLY)
def test_a_template_that_takes_text_only_is_refused(
    tokenizers: dict[str, ChatTokenizer], body: str
) -> None:
    template = (
        "{%- for message in messages -%}{{ message['role'] }}: {% generation %}"
        f"{body}{{% endgeneration %}}{{%- endfor -%}}"
    )
    with pytest.raises(TrainingError, match=r"text only.*set another by init\.chat_template"):
        with_template(tokenizers["llama"], template)


@pytest.mark.shared
def test_the_reported_template_is_refused(
    tokenizers: dict[str, ChatTokenizer], shared: Path
) -> None:
    template = (shared / "cases/plain-chat-template/chat_template.jinja").read_text()
    with pytest.raises(TrainingError, match="takes the content of a turn as text only"):
        with_template(tokenizers["llama"], template)


def test_the_mask_covers_the_tokens_of_spans_and_skips_empty_ones() -> None:
    offsets = [(0, 0), (0, 3), (3, 5), (5, 5), (5, 9), (9, 12), (12, 13)]
    assert assistant_mask(offsets, [(3, 9), (12, 13)]) == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert assistant_mask(offsets, []) == [False] * 7
    with pytest.raises(TrainingError, match="the end of a prompt"):
        assistant_mask(offsets, [(4, 9)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("template", [VICUNA, PLAIN], ids=["vicuna", "plain"])
def test_a_system_turn_is_rendered_and_not_learned(
    tokenizers: dict[str, ChatTokenizer], kind: str, template: str
) -> None:
    tokenizer = with_template(tokenizers[kind], template)
    exchange = (Turn("user", "What?"), Turn("assistant", "a board"))
    turns = (Turn("system", "Use few words."), *exchange)
    tokenizer.validate(turns, 0)
    conversation, plain = tokenizer.encode_conversations([turns, exchange])
    assert "Use few words." in tokenizer.tokenizer.decode(conversation.token_ids)
    assert conversation.answer_tokens == plain.answer_tokens
    (prompt,) = tokenizer.encode_prompts([turns[:2]])
    assert prompt.token_ids == conversation.token_ids[: conversation.loss_mask.index(True)]


def test_a_template_without_a_place_for_a_system_turn_is_refused(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    silent = PLAIN.replace("{{ parts(message) + ' ' }}", "")
    tokenizer = with_template(tokenizers[KINDS[0]], silent)
    turns = (Turn("system", "Be brief."), Turn("user", "What?"), Turn("assistant", "a board"))
    with pytest.raises(TrainingError, match="no place for a system turn"):
        tokenizer.encode_conversations([turns])
