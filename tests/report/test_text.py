import pytest

from tests.helpers.record_factory import record
from visionflan.report.answer_status import length_shares, status_shares, status_text
from visionflan.report.text import MAX_CHARS, prompt_text, question_text, target_text, truncate_text


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("<image>\nName the color.\n\nOf the square.", "Of the square."),
        ("<image>\nName the color.", "Name the color."),
        ("Compare.\n\n(a) <image>\n(b) <image>", "(a) \n(b)"),
    ],
)
def test_a_question_is_what_follows_the_instruction(prompt: str, expected: str) -> None:
    assert question_text(prompt) == expected
    assert "<image>" not in prompt_text(prompt)


def test_a_target_has_its_letter_only_among_options() -> None:
    assert target_text(record(options=("cat", "dog"), target="dog")) == "(b) dog"
    assert target_text(record(options=(), target="dog")) == "dog"


def test_long_text_is_truncated() -> None:
    assert truncate_text("a" * MAX_CHARS) == "a" * MAX_CHARS
    assert truncate_text("a" * MAX_CHARS + "b") == "a" * MAX_CHARS + " …"


def test_statuses_are_shares_of_all_responses() -> None:
    records = [record(status_lenient=status) for status in ("parsed", "parsed", "empty", "refusal")]
    shares = status_shares(records)
    assert shares == {"parsed": 0.5, "refusal": 0.25, "empty": 0.25}
    assert status_text(shares) == "50 % parsed, 25 % refusal, 25 % empty"
    assert status_shares([]) == {}


def test_every_length_is_in_one_bin() -> None:
    assert length_shares([0, 1, 2, 3, 100]) == [0.4, 0.2, 0.2, 0.0, 0.0, 0.0, 0.2]
    assert sum(length_shares([])) == 0
