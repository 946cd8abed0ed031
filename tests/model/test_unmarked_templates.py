"""Answers are found in the text where a chat template does not mark them."""

import re

import pytest
from hypothesis import given, settings

from tests.helpers.chat_tokenizers import texts, with_template
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import PLAIN, VICUNA
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.storage.instance import Turn


def without_marks(template: str) -> str:
    """Return a template that does not mark answers, as most published ones."""
    return re.sub(r"\{%- (end)?generation -%\}", "{#- -#}", template)


@pytest.mark.parametrize("template", [VICUNA, PLAIN], ids=["vicuna", "plain"])
@settings(deadline=None, max_examples=30)
@given(questions=texts, replies=texts)
def test_answers_are_the_same_with_and_without_marks(
    tokenizers: dict[str, ChatTokenizer],
    template: str,
    questions: list[str],
    replies: list[str],
) -> None:
    turns = [Turn("user", "<image>\nwhat is it?"), Turn("assistant", "red")]
    for question, reply in zip(questions, replies, strict=False):
        turns += [Turn("user", question), Turn("assistant", reply)]
    marked, unmarked = (
        with_template(tokenizers["llama"], text) for text in (template, without_marks(template))
    )
    assert unmarked.chat_template != template
    assert unmarked.encode_conversations([turns]) == marked.encode_conversations([turns])


def test_an_end_token_after_a_marked_answer_is_part_of_it(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    end = "+ eos_token }}{%- endgeneration -%}"
    template = VICUNA.replace(end, "}}{%- endgeneration -%}{{ eos_token }}")
    assert template != VICUNA
    turns = [Turn("user", "what is it?"), Turn("assistant", "red"), Turn("user", "and now?")]
    turns.append(Turn("assistant", "blue"))
    both = [with_template(tokenizers["llama"], text) for text in (template, VICUNA)]
    after, within = (tokenizer.encode_conversations([turns])[0] for tokenizer in both)
    assert after == within


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{{ ' A:' }}{%- endif", "{%- endif"), "writes 'A: A cat.</s>' where"),
        (
            ("{{- bos_token -}}", "{{- bos_token -}}{{ messages | length }}"),
            "renders the beginning",
        ),
    ],
)
def test_an_unmarked_template_whose_answers_cannot_be_told_is_refused(
    tokenizers: dict[str, ChatTokenizer], change: tuple[str, str], message: str
) -> None:
    template = without_marks(PLAIN).replace(*change)
    assert template != without_marks(PLAIN)
    with pytest.raises(TrainingError, match=message):
        with_template(tokenizers["llama"], template)


def test_an_answer_that_a_template_does_not_end_is_ended(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    endless = VICUNA.replace(" + eos_token", "")
    assert endless != VICUNA
    turns = [Turn("user", "<image>\nwhat is it?"), Turn("assistant", "red")] * 2
    ended, vicuna = (with_template(tokenizers["llama"], text) for text in (endless, VICUNA))
    assert ended.encode_conversations([turns]) == vicuna.encode_conversations([turns])
    assert ended.encode_prompts([turns[:3]]) == vicuna.encode_prompts([turns[:3]])


def test_a_template_of_one_exchange_is_enough_where_it_ends_answers(
    tokenizers: dict[str, ChatTokenizer],
) -> None:
    single = "{%- if messages | length > 2 -%}{{ raise_exception('one exchange') }}{%- endif -%}"
    tokenizer = with_template(tokenizers["llama"], single + VICUNA)
    turns = [Turn("user", "what is it?"), Turn("assistant", "red")]
    (expected,) = with_template(tokenizers["llama"], VICUNA).encode_conversations([turns])
    assert tokenizer.encode_conversations([turns]) == [expected]
    with pytest.raises(TrainingError, match="one exchange"):
        tokenizer.encode_conversations([turns * 2])
