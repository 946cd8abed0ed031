"""Lists of names and numbers on the command line."""

import argparse

import pytest

from visionflan.cli.shared.parsers import add_names, parse_names, positive_int


@pytest.mark.parametrize(
    "words",
    [["a/b", "c/*"], ["a/b,c/*"], ["a/b, c/*,"], ["a/b,c/*", "a/b"], ["a/b", "--tasks", "c/*"]],
)
def test_names_are_separated_by_spaces_or_commas(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks")
    assert parser.parse_args(["--tasks", *words]).tasks == ("a/b", "c/*")
    assert parser.parse_args([]).tasks == ()


def test_a_name_that_is_no_choice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_names(parser, "--size", metavar="NAME", description="sizes", choices=("small", "large"))
    assert parser.parse_args(["--size", "large,small"]).size == ("large", "small")
    with pytest.raises(SystemExit):
        parser.parse_args(["--size", "small,huge"])
    assert "unknown name 'huge': choose from small, large" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", " , "])
def test_an_empty_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="empty"):
        parse_names(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_a_count_is_a_integer_of_at_least_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
        positive_int(text)
    assert positive_int("12") == 12
