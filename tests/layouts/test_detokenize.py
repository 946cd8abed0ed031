"""Texts cut into tokens are joined as a person writes them, and others stay as they are."""

import pytest

from visionflan.layouts.detokenize import join_tokens


@pytest.mark.parametrize(
    ("tokens", "joined"),
    [
        ("It is n't , does n't and wo n't .", "It isn't, doesn't and won't."),
        ("represents users ' own claimed activity .", "represents users' own claimed activity."),
        ("the company 's core products ; we 're", "the company's core products; we're"),
        ("a `` hybrid '' car", 'a "hybrid" car'),
        ("ships ' routes and boats ' ports", "ships' routes and boats' ports"),
        ("( today : Essential Health )", "(today: Essential Health)"),
        ("worth $ 5 , 000 , or 3 % .", "worth $5,000, or 3%."),
        ("a [ long ] list : one ; two ?", "a [long] list: one; two?"),
    ],
)
def test_tokens_are_joined(tokens: str, joined: str) -> None:
    assert join_tokens(tokens) == joined
    assert join_tokens(joined) == joined


@pytest.mark.parametrize("text", ["A .45 pistol", "film .com premiere", "He said 'no' to them."])
def test_what_is_not_cut_stays(text: str) -> None:
    assert join_tokens(text) == text
