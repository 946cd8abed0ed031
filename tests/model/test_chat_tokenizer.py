"""Conversations become tokens, of which exactly the answers are to be learnt."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError, UnusableError
from visionflan.model.chat_templates import PLAIN, VICUNA
from visionflan.model.chat_tokenizer import ChatTokenizer, answer_tokens, assistant_mask, messages
from visionflan.model.families.llava import Llava
from visionflan.storage.instance import Turn

KINDS = ("llama", "qwen2")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ChatTokenizer]:
    directory = tmp_path_factory.mktemp("parts")
    save_tower(directory / "tower")
    tokenizers = {}
    for kind in KINDS:
        save_language_model(directory / kind, kind)
        vlm = Llava.build(directory / "tower", directory / kind)
        tokenizers[kind] = vlm.make_chat_tokenizer(vlm.processor)
    return tokenizers


def with_template(encoder: ChatTokenizer, template: str) -> ChatTokenizer:
    before = encoder.processor.chat_template
    encoder.processor.chat_template = template
    try:
        return ChatTokenizer(encoder.processor, encoder.tokens_per_image)
    finally:
        encoder.processor.chat_template = before


words = st.lists(
    st.text("abcdefg red blue ,.?!:()\n", min_size=1, max_size=12).filter(str.strip),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("template", [VICUNA, PLAIN], ids=["vicuna", "plain"])
@settings(deadline=None, max_examples=40)
@given(asked=words, said=words)
def test_the_answers_with_their_ends_are_learned_and_nothing_else(
    encoders: dict[str, ChatTokenizer], kind: str, template: str, asked: list[str], said: list[str]
) -> None:
    encoder = with_template(encoders[kind], template)
    turns = []
    for place, (question, reply) in enumerate(zip(asked, said, strict=False)):
        turns += [Turn("user", "<image>\n" * (place == 0) + question), Turn("assistant", reply)]
    encoded = encoder.encode_conversations([turns])[0]
    taught = encoder.tokenizer.decode(answer_tokens(encoded))
    end = encoder.tokenizer.eos_token
    assert [part.strip() for part in taught.split(end)] == [
        *(turn.text.strip() for turn in turns if turn.role == "assistant"),
        "",
    ]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40)
@given(question=words, reply=words)
def test_a_prompt_has_the_same_tokens_in_training_and_when_it_is_asked(
    encoders: dict[str, ChatTokenizer], kind: str, question: list[str], reply: list[str]
) -> None:
    encoder = encoders[kind]
    asked = Turn("user", "<image>\n" + " ".join(question))
    whole = encoder.encode_conversations([[asked, Turn("assistant", " ".join(reply))]])[0]
    first = whole.loss_mask.index(True)
    assert encoder.encode_prompts([[asked]])[0] == whole.token_ids[:first]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_are_those_of_the_processor(
    encoders: dict[str, ChatTokenizer], kind: str
) -> None:
    encoder = encoders[kind]
    turns = [
        Turn("user", "Which is red?\n<image> or\n<image>"),
        Turn("assistant", "(a) the first"),
        Turn("user", "and blue?"),
        Turn("assistant", "the second."),
    ]
    picture = Image.new("RGB", (40, 30), "red")
    given = messages(turns)
    for part in given[0]["content"]:
        if part["type"] == "image":
            part["image"] = picture
    theirs: Any = encoder.processor.apply_chat_template(
        given, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ours = encoder.encode_conversations([turns])[0]
    assert encoder.expand_image_tokens(ours.token_ids) == theirs["input_ids"][0]
    spread = [
        flag
        for token, flag in zip(*ours, strict=True)
        for flag in [flag] * (16 if token == encoder.image_token_id else 1)
    ]
    assert spread == [bool(flag) for flag in theirs["assistant_masks"][0]]
    prompt: Any = encoder.processor.apply_chat_template(
        given[:1], tokenize=True, return_dict=True, add_generation_prompt=True
    )
    assert (
        encoder.expand_image_tokens(encoder.encode_prompts([turns[:1]])[0])
        == prompt["input_ids"][0]
    )


def test_a_text_is_begun_once_by_template_or_tokenizer(encoders: dict[str, ChatTokenizer]) -> None:
    encoder = encoders["llama"]
    turns = [Turn("user", "what is it?"), Turn("assistant", "red")]
    begin = encoder.tokenizer.bos_token_id
    for template in (VICUNA, VICUNA.replace("{{- bos_token -}}", "")):
        own = with_template(encoder, template)
        for tokens in (
            own.encode_conversations([turns])[0].token_ids,
            own.encode_prompts([turns[:1]])[0],
        ):
            assert tokens[0] == begin
            assert tokens.count(begin) == 1


def test_words_with_a_token_that_is_reserved_are_refused(
    encoders: dict[str, ChatTokenizer],
) -> None:
    encoder = encoders["llama"]
    encoder.validate([Turn("user", "<image>\na < b"), Turn("assistant", "s>")], 1)
    with pytest.raises(
        UnusableError, match="special_token: the text contains </s>, a special token"
    ):
        encoder.validate([Turn("user", "<image>\nend </s>"), Turn("assistant", "a")], 1)
    with pytest.raises(UnusableError, match="special_token: the text contains <image>"):
        encoder.validate([Turn("user", "<image>\na"), Turn("assistant", "an <image>")], 1)


@pytest.mark.parametrize(("text", "images"), [("a", 1), ("<image>", 0), ("<image><image>", 1)])
def test_markers_and_images_that_differ_in_number_are_refused(
    encoders: dict[str, ChatTokenizer], text: str, images: int
) -> None:
    with pytest.raises(UnusableError, match="image_token_mismatch"):
        encoders["llama"].validate([Turn("user", text), Turn("assistant", "a")], images)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("{%- generation -%}", ""), "marks no answer"),
        ((" + eos_token", ""), "does not end answers"),
        (
            ("{{ ' ASSISTANT:' }}\n{%- gen", "{{ ' ASSISTANT: ' }}\n{%- gen"),
            "one token spans the end",
        ),
        (("add_generation_prompt", "false"), "other tokens in training"),
    ],
)
def test_a_template_that_would_teach_wrongly_is_refused(
    encoders: dict[str, ChatTokenizer], change: tuple[str, str], complaint: str
) -> None:
    template = VICUNA.replace(*change)
    assert template != VICUNA
    if "generation" in change[0] and not change[1]:
        template = template.replace("{%- endgeneration -%}", "")
    if complaint == "one token spans the end":
        template = template.replace("' ' + parts(message) + eos", "parts(message) + eos")
    with pytest.raises(TrainingError, match=complaint):
        with_template(encoders["llama"], template)


def test_marks_cover_the_tokens_of_spans_and_pass_over_empty_ones() -> None:
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
