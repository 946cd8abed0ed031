"""Who may do what to a review, and what comes of it."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.reviewing import ASK, COUNT, NOON, accept, act, edit, seen_of
from visionflan.errors import ReviewError
from visionflan.reviews.catalog_reviews import add_to_review, dataset_reviews, read_review
from visionflan.reviews.entry import ReviewAction, ReviewEntry
from visionflan.reviews.review_file import append_entries, parse_lines, read_entries
from visionflan.reviews.task_review import TRANSITIONS, NewEntry, TaskReview

PERSONS = ("ada", "bob")
# The states that each sequence of actions leads to, with who does each.
JOURNEY = [
    ("ada", "submit", "in_review"),
    ("bob", "comment", "in_review"),
    ("bob", "revise", "revise"),
    ("ada", "submit", "in_review"),
    ("ada", "withdraw", "draft"),
    ("ada", "submit", "in_review"),
    ("bob", "resolve", "in_review"),
    ("bob", "accept", "accepted"),
    ("ada", "reopen", "in_review"),
]


@pytest.mark.usefixtures("board_file")
def test_a_task_goes_from_draft_to_accepted() -> None:
    assert read_review(ASK).state == "draft"
    comment = ""
    for who, action, state in JOURNEY:
        details = {"field": "title", "text": "Too short."} if action == "comment" else {}
        entry = act(who, action, **details, **({"comment": comment} if action == "resolve" else {}))
        comment = entry.comment or comment
        assert read_review(ASK).state == state, action
    review = read_review(ASK)
    assert [(one.who, one.action) for one in review.entries] == [step[:2] for step in JOURNEY]
    assert review.status == "in review: ada reopened it on 2026-01-31"
    assert [one.state for one in dataset_reviews("board")] == ["in_review", "draft", "draft"]


REFUSED = [
    ([], "ada", "accept", "is draft: to accept, it must be in review"),
    ([], "ada", "withdraw", "must be in review"),
    ([], "ada", "reopen", "must be accepted"),
    (["submit"], "bob", "submit", "must be draft or to be revised"),
    (["submit"], "ada", "accept", "ada submitted board/ask: another person has to review it"),
    (["submit"], "Ada", "accept", "another person has to review it"),
    (["submit"], "ada", "revise", "another person has to review it"),
    (["submit"], "bob", "withdraw", "ada submitted board/ask: nobody else can withdraw it"),
    (["submit"], "bob", "revise", "write a comment on what to revise"),
    (
        ["submit", "comment"],
        "bob",
        "accept",
        "has 1 open comment: it is accepted when all are resolved",
    ),
    (["submit"], "bob", "approve", "'approve' is none of submit, withdraw"),
    (["submit"], "bob", "resolve", "has no open comment ''"),
]


@pytest.mark.parametrize(("before", "who", "action", "message"), REFUSED)
def test_what_is_not_allowed_is_refused_and_not_stored(
    board_file: Path, before: list[str], who: str, action: str, message: str
) -> None:
    for step in before:
        act("ada", step, **({"field": "code", "text": "x"} if step == "comment" else {}))
    with pytest.raises(ReviewError, match=message):
        act(who, action)
    assert len(read_review(ASK).entries) == len(before)
    assert (board_file.parent / "reviews").exists() == bool(before)


@pytest.mark.usefixtures("board_file")
@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("title", "  \n", "the comment is empty"),
        ("taste", "Good.", "not on 'taste'"),
        ("title", "x" * 8_001, "more than 8,000 characters"),
    ],
)
def test_a_comment_is_on_a_field_and_has_a_text(field: str, text: str, message: str) -> None:
    with pytest.raises(ReviewError, match=message):
        act("ada", "comment", field=field, text=text)


def test_an_accepted_task_opens_again_when_its_words_change(board_file: Path) -> None:
    accept()
    accept(COUNT)
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    review = read_review(ASK)
    assert review.state == "in_review"
    assert review.status == "in review: changed since bob accepted it on 2026-01-31"
    assert read_review(COUNT).state == "accepted"
    edit(board_file, "Answer what is asked.", "Say what is asked.")
    assert read_review(ASK).state == "accepted"


def test_who_changed_an_accepted_task_can_submit_it_to_the_one_who_submitted_it_first(
    board_file: Path,
) -> None:
    accept()
    with pytest.raises(ReviewError, match="must be draft"):
        act("bob", "submit")
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    act("bob", "submit")
    act("ada", "accept")
    assert read_review(ASK).state == "accepted"


@pytest.mark.parametrize(
    "decisions", [[], [("bob", "accept")], [("bob", "accept"), ("bob", "reopen")]]
)
def test_nobody_accepts_a_change_that_was_not_submitted(
    board_file: Path, decisions: list[tuple[str, str]]
) -> None:
    act("ada", "submit")
    for who, action in decisions:
        act(who, action)
    edit(board_file, "Say what is asked.", "Answer what is asked.")
    with pytest.raises(ReviewError, match="board/ask changed since it was submitted: submit it"):
        act("bob", "accept")
    act("bob", "submit")
    with pytest.raises(ReviewError, match="bob submitted board/ask: another person has to"):
        act("bob", "accept")
    act("ada", "accept")
    assert read_review(ASK).state == "accepted"


@pytest.mark.usefixtures("board_file")
def test_a_change_of_another_person_is_noticed() -> None:
    seen = seen_of(read_review(ASK))
    act("bob", "submit")
    with pytest.raises(ReviewError, match="bob changed the review of board/ask meanwhile"):
        add_to_review(ASK, [NewEntry(who="ada", action="submit")], seen)
    act("ada", "submit", COUNT)  # that of a neighbor is in nobody's way


def test_a_change_of_the_task_since_it_was_read_is_noticed(board_file: Path) -> None:
    act("ada", "submit")
    seen = seen_of(read_review(ASK))
    edit(board_file, 'title="Ask"', 'title="Question"')
    with pytest.raises(ReviewError, match="the words or the code of board/ask changed"):
        add_to_review(ASK, [NewEntry(who="bob", action="accept")], seen)


@pytest.mark.usefixtures("board_file")
def test_of_a_comment_with_a_decision_that_is_refused_nothing_is_stored() -> None:
    act("ada", "submit")
    comment = NewEntry(who="bob", action="comment", field="code", text="Why?")
    seen = seen_of(read_review(ASK))
    with pytest.raises(ReviewError, match="1 open comment"):
        add_to_review(ASK, [comment, NewEntry(who="bob", action="accept")], seen)
    assert seen_of(read_review(ASK)) == seen
    add_to_review(ASK, [comment, NewEntry(who="bob", action="revise")], seen)
    assert read_review(ASK).state == "revise"


@pytest.mark.usefixtures("board_file")
def test_the_order_is_that_of_time_also_if_a_clock_is_slow() -> None:
    act("ada", "submit")
    seen = seen_of(read_review(ASK))
    new = NewEntry(who="bob", action="accept")
    (entry,) = add_to_review(ASK, [new], seen, NOON - timedelta(hours=1))
    assert entry.when == NOON
    assert read_review(ASK).state == "accepted"


def allowed(history: Sequence[ReviewEntry], who: str) -> set[str]:
    """Return what a person may do, by rules written down a second time."""
    state, author, open_comments = "draft", "", 0
    for entry in history:
        state = TRANSITIONS[entry.action].after if entry.action in TRANSITIONS else state
        author = entry.who if entry.action == "submit" else author
        open_comments += {"comment": 1, "resolve": -1}.get(entry.action, 0)
    always = {"comment", "resolve"} if open_comments else {"comment"}
    if state != "in_review":
        return {*always, "reopen" if state == "accepted" else "submit"}
    if who == author:
        return {*always, "withdraw"}
    return {*always, "revise" if open_comments else "accept"}


def append(path: Path, entry: ReviewEntry) -> None:
    """Add an entry to a review file."""
    append_entries(path, lambda _: [entry])


step = st.tuples(st.sampled_from(PERSONS), st.sampled_from(sorted(get_args(ReviewAction))))


@settings(max_examples=60)
@given(steps=st.lists(step, max_size=12), text=st.text(min_size=1).filter(str.strip))
def test_any_history_of_two_persons_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]], text: str
) -> None:
    path = tmp_path_factory.mktemp("reviews") / "board.jsonl"
    history: list[ReviewEntry] = []
    for number, (who, action) in enumerate(steps):
        review = TaskReview(task=ASK, digest="0", entries=history)
        comment = [*(entry.comment for entry in review.open_comments), ""][0]
        new = NewEntry(who=who, action=action, field="code", text=text, comment=comment)
        if action not in allowed(history, who):
            with pytest.raises(ReviewError):
                review.next_entry(new, NOON)
            continue
        entry = review.next_entry(new, NOON + timedelta(seconds=number))
        lines = path.read_bytes() if path.exists() else b""
        append(path, entry)
        assert path.read_bytes().startswith(lines)
        history.append(entry)
    assert read_entries(path) == history


@settings(max_examples=20)
@given(order=st.permutations(range(4)))
def test_a_merged_file_is_read_in_the_order_of_time(order: list[int]) -> None:
    entries = [
        ReviewEntry(NOON + timedelta(seconds=number), who, "ask", "reopen", "0")
        for number, who in enumerate(itertools.islice(itertools.cycle(PERSONS), 4))
    ]
    content = "".join(entries[number].as_line() for number in order).encode()
    assert parse_lines(Path("board.jsonl"), content) == entries
