"""The format of a prompt, by examples and by properties."""

from collections import Counter
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from visionflan.dataset import Example
from visionflan.errors import UnusableError
from visionflan.prompt import (
    OPTION_FORM,
    ParsedExchange,
    PromptStyle,
    build_prompt,
    choose_phrasing,
    format_option,
    parse,
    render,
    split_at_images,
)

IMAGE = Path("image.jpg")

texts = st.text(
    st.characters(codec="utf-8", exclude_characters="<>()\r"), min_size=1, max_size=30
).filter(lambda text: bool(text.strip()))
lines = texts.filter(lambda text: "\n\n" not in text and text == text.strip("\n"))
options = st.lists(
    texts.filter(lambda text: "\n" not in text),
    min_size=1,
    max_size=26,
    unique_by=str.casefold,
)


def example(**parts: object) -> Example:
    return Example(**{"image": IMAGE, "target": "a dog", **parts})  # type: ignore[arg-type]


def test_a_prompt_of_the_official_style_has_the_form_of_the_paper() -> None:
    question = example(text="What is this?", options=("a cat", "a dog"))
    rendered = {
        render("Choose the name.", question, seed, "k", style="official").turns[0].text
        for seed in range(30)
    }
    assert rendered == {
        "<image>\nChoose the name.\n\nWhat is this?\nOptions: (a) a cat (b) a dog",
        "<image>\nChoose the name.\n\nWhat is this?\nOptions: (a) a dog (b) a cat",
        "Choose the name.\n\nWhat is this?\nOptions: (a) a cat (b) a dog\n<image>",
        "Choose the name.\n\nWhat is this?\nOptions: (a) a dog (b) a cat\n<image>",
    }


def test_our_style_asks_for_letter_and_text_below_the_options() -> None:
    question = example(text="What is this?", options=("a cat", "a dog"))
    for seed in range(8):
        ours = render("Choose.", question, seed)
        official = render("Choose.", question, seed, style="official")
        assert ours.turns[0].text.replace(f"\n{OPTION_FORM}", "") == official.turns[0].text
        assert f"(b) {ours.options[1]}\n{OPTION_FORM}" in ours.turns[0].text
        assert ours.turns[1] == official.turns[1]


def test_a_prompt_without_options_is_the_same_in_both_styles() -> None:
    question = example(text="What is this?")
    assert render("Name it.", question, 1) == render("Name it.", question, 1, style="official")


def test_each_phrasing_is_chosen_for_its_share_of_instances() -> None:
    phrasings = ("Name it.", "What is it?", "This is a thing. Name it.")
    chosen = Counter(choose_phrasing(phrasings, 0, "a/task", f"key{n}") for n in range(600))
    assert set(chosen) == set(phrasings)
    assert min(chosen.values()) > 150
    assert choose_phrasing(phrasings[:1], 0, "a/task", "key1") == "Name it."


def test_parts_that_are_not_there_leave_no_gap() -> None:
    assert build_prompt("Name it.", "", ()) == "Name it."
    assert build_prompt("Name it.", "What?", ()) == "Name it.\n\nWhat?"
    assert build_prompt("Name it.", "", ("x", "y")) == (
        f"Name it.\n\nOptions: (a) x (b) y\n{OPTION_FORM}"
    )


def test_several_images_have_a_marker_each() -> None:
    prompt = render("Compare.", example(image=(IMAGE, IMAGE, IMAGE)), 1).turns[0].text
    assert prompt.count("<image>") == 3
    assert "<image>\n<image>\n<image>" in prompt


def test_order_and_marker_position_follow_from_the_identity() -> None:
    question = example(options=tuple("pqrstuvw"), target="q")
    once = [render("Choose.", question, 7, "task", f"key{n}") for n in range(40)]
    assert once == [render("Choose.", question, 7, "task", f"key{n}") for n in range(40)]
    assert len({rendered.options for rendered in once}) > 30
    firsts = Counter(rendered.turns[0].text.startswith("<image>") for rendered in once)
    assert min(firsts.values()) > 8
    positions = Counter(rendered.options.index("q") for rendered in once)
    assert len(positions) == 8


def test_more_options_than_letters_are_refused() -> None:
    with pytest.raises(UnusableError, match="too_many_options"):
        build_prompt("Choose.", "", tuple(f"option {n}" for n in range(27)))


@given(options, st.integers())
def test_lettering_is_a_bijection(choices: list[str], seed: int) -> None:
    rendered = render("Choose.", example(options=tuple(choices), target=choices[0]), seed).options
    assert Counter(rendered) == Counter(choices)
    answers = [format_option(rendered, choice) for choice in choices]
    assert sorted(answer[1] for answer in answers) == list(ascii_lowercase[: len(choices)])
    assert {answer[4:] for answer in answers} == set(choices)


@given(
    lines,
    st.one_of(st.just(""), texts),
    options,
    st.integers(1, 3),
    st.sampled_from(["visionflan", "official"]),
    st.data(),
)
def test_a_prompt_with_options_is_parsed_into_its_parts(
    instruction: str,
    text: str,
    choices: list[str],
    images: int,
    style: PromptStyle,
    data: st.DataObject,
) -> None:
    assume("\nOptions: " not in f"\n{text}\n{instruction}")
    target = data.draw(st.sampled_from(choices))
    question = example(text=text, options=tuple(choices), target=target, image=(IMAGE,) * images)
    rendered = render(instruction, question, data.draw(st.integers()), style=style)
    assert parse(rendered.turns[0].text, rendered.turns[1].text) == ParsedExchange(
        instruction, text, rendered.options, target
    )


@given(lines, st.one_of(st.just(""), texts), texts, st.integers())
def test_a_prompt_without_options_is_parsed_into_its_parts(
    instruction: str, text: str, target: str, seed: int
) -> None:
    assume("\nOptions: " not in f"\n{text}\n{instruction}")
    turns = render(instruction, example(text=text, target=target), seed).turns
    assert parse(turns[0].text, turns[1].text) == ParsedExchange(instruction, text, (), target)


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Choose.\n\nOptions: (a) x (b) y", "x"),
        ("Choose.\n\nOptions: (a) x (b) y", "(b) x"),
        ("Choose.\n\nOptions: (a) x (b) y", "(c) y"),
        ("Choose.\n\nOptions: (a) x (b) y (b) z", "(a) x"),
        ("Choose.\n\nOptions: x y", "x"),
    ],
)
def test_ambiguous_options_are_not_guessed(prompt: str, answer: str) -> None:
    assert parse(prompt, answer) is None


def test_options_end_where_their_text_ends() -> None:
    prompt = "Which?\n\nOptions: (a) red (b) two words \n<image>"
    assert parse(prompt, "(b) two words") == ParsedExchange(
        "Which?", "", ("red", "two words"), "two words"
    )


@pytest.mark.parametrize(
    ("turn", "parts"),
    [
        ("<image>\nred ?", [None, "red ?"]),
        ("red ?\n<image>", ["red ?", None]),
        ("<image>\n<image>\nred ?", [None, None, "red ?"]),
        ("is <image> red ?", ["is ", None, " red ?"]),
        ("<image>\n\nred ?", [None, "\n\nred ?"]),
        ("a\n<image>\nb", ["a", None, "b"]),
        ("<image>red ?", [None, "red ?"]),
        ("<image>\n", [None, "\n"]),
        ("red ?", ["red ?"]),
        ("", []),
    ],
)
def test_a_turn_is_split_at_its_images_and_loses_only_the_newline_between(
    turn: str, parts: list[str | None]
) -> None:
    assert [part.get("text") for part in split_at_images(turn)] == parts
    kinds = ["image" if part is None else "text" for part in parts]
    assert [part["type"] for part in split_at_images(turn)] == kinds
