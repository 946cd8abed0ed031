"""The tiny tokenizer shortens prompts, is lossless, and has one token per option."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from visionflan.dataset import Example
from visionflan.prompt import render
from visionflan.storage.instance import Instance, Turn
from visionflan.train.pretrain.tokenizer import train_tokenizer

INSTRUCTION = "Which paint was used here? Choose it from the options, and repeat its letter."
COLORS = ("red", "green", "blue", "yellow")


def instances() -> list[Instance]:
    paintings = []
    for number in range(80):
        target = COLORS[number % 4]
        example = Example(image=Path("x.png"), text="", options=COLORS, target=target)
        rendered = render(INSTRUCTION, example, 0, "paint", str(number))
        paintings.append(
            Instance(
                id=f"paint/color/{number}",
                dataset="paint",
                task="paint/color",
                split="train",
                key=str(number),
                images=("x",),
                turns=rendered.turns,
                instruction=INSTRUCTION,
                text="",
                options=rendered.options,
                target=target,
                references=(target,),
                metric="exact_match",
                synthetic=False,
            )
        )
    return paintings


TRAINED = train_tokenizer(instances(), 400)


def conversation(instance: Instance) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.text} for turn in instance.turns]


def test_an_instruction_is_one_token() -> None:
    assert len(TRAINED.tokenize(INSTRUCTION)) == 1
    assert len(TRAINED.tokenize(INSTRUCTION[:-1])) > 1


def test_an_option_in_the_answer_is_the_token_that_the_prompt_offers() -> None:
    for instance in instances():
        text = TRAINED.apply_chat_template(conversation(instance), tokenize=False)
        tokens = TRAINED.tokenize(str(text))
        answer = tokens[-2]
        assert tokens[-1] == TRAINED.eos_token
        assert TRAINED.convert_tokens_to_string([answer]) == f" {instance.answer}"
        assert answer in tokens[:-2]


def test_the_last_option_does_not_run_into_what_follows_it() -> None:
    pieces = TRAINED.tokenize("Options: (a) red (b) green A: (b) green")
    options = [TRAINED.convert_tokens_to_string([piece]) for piece in pieces]
    assert options.count(" (b) green") == 2


def test_the_template_has_one_bos_token_and_marks_the_answer_with_its_end() -> None:
    instance = instances()[0]
    encoding: Any = TRAINED.apply_chat_template(
        conversation(instance), return_dict=True, return_assistant_tokens_mask=True
    )
    tokens, loss_mask = encoding["input_ids"], encoding["assistant_masks"]
    assert tokens.count(TRAINED.bos_token_id) == 1
    targets = [token for token, is_target in zip(tokens, loss_mask, strict=True) if is_target]
    assert TRAINED.decode(targets) == f" {instance.answer}{TRAINED.eos_token}"


def test_a_saved_tokenizer_returns_the_same_tokens(tmp_path: Path) -> None:
    TRAINED.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    text = TRAINED.apply_chat_template(conversation(instances()[0]), tokenize=False)
    assert loaded(text)["input_ids"] == TRAINED(text)["input_ids"]
    assert loaded.chat_template == TRAINED.chat_template


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_decoded_as_it_was(text: str) -> None:
    tokens = TRAINED(text, add_special_tokens=False)["input_ids"]
    if not any(special in text for special in TRAINED.all_special_tokens):
        assert TRAINED.decode(tokens) == text


@pytest.mark.parametrize("token", ["<pad>", "<s>", "</s>", "<image>"])
def test_special_tokens_are_single(token: str) -> None:
    assert TRAINED.tokenize(token) == [token]


def test_conversations_without_an_instruction_add_no_token() -> None:
    plain = instances()[0]._replace(
        instruction="", turns=(Turn("user", "<image>\nWhat is it?"), Turn("assistant", "A cat."))
    )
    tokenizer = train_tokenizer([plain, plain], 300)
    assert set(tokenizer.get_added_vocab()) == set(tokenizer.all_special_tokens)
    assert tokenizer.decode(tokenizer("What is it?")["input_ids"]) == "What is it?"
