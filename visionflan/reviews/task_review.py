"""The review of a task: its state, its comments, and who may do what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast, get_args

from visionflan.errors import ReviewError
from visionflan.plural import counted
from visionflan.reviews.entry import CommentField, ReviewAction, ReviewEntry

ReviewState = Literal["draft", "in_review", "revise", "accepted"]
ReviewerRole = Literal["anybody", "author", "reviewer"]
MAX_COMMENT = 8_000  # characters


class Transition(NamedTuple):
    """What an action does to the state of a review.

    Attributes:
        before: the states in which it is possible.
        by: who may do it: the author is who submitted the task last, a reviewer anybody else.
        done: the action in the past, as in "ada accepted it".
    """

    before: Sequence[ReviewState]
    after: ReviewState
    by: ReviewerRole
    done: str


TRANSITIONS: dict[str, Transition] = {
    "submit": Transition(["draft", "revise"], "in_review", "anybody", "submitted"),
    "withdraw": Transition(["in_review"], "draft", "author", "withdrew"),
    "revise": Transition(["in_review"], "revise", "reviewer", "asked for a revision of"),
    "accept": Transition(["in_review"], "accepted", "reviewer", "accepted"),
    "reopen": Transition(["accepted"], "in_review", "anybody", "reopened"),
}
STATE_LABELS: dict[ReviewState, str] = {
    "draft": "draft",
    "in_review": "in review",
    "revise": "to be revised",
    "accepted": "accepted",
}


class ReviewComment(NamedTuple):
    """A comment, and who resolved it; None while it is open."""

    entry: ReviewEntry
    resolved: ReviewEntry | None


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """What a person wants to do to a review.

    Attributes:
        field: what a comment is about.
        text: of a comment.
        comment: the id of a comment to resolve.
    """

    who: str
    action: str
    field: str = ""
    text: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskReview:
    """All that persons did to the review of a task, in the order of time.

    Attributes:
        task: the task as `dataset/task`.
        digest: of its words and code as they are now.
    """

    task: str
    digest: str
    entries: Sequence[ReviewEntry] = ()

    @property
    def decision(self) -> ReviewEntry | None:
        """Return the last entry that decided the state."""
        decisions = [entry for entry in self.entries if entry.action in TRANSITIONS]
        return decisions[-1] if decisions else None

    @property
    def is_changed(self) -> bool:
        """Return whether the task has other words or code than when its state was decided."""
        return self.decision is not None and self.decision.digest != self.digest

    @property
    def state(self) -> ReviewState:
        """Return the state; an accepted task that changed is in review again."""
        if self.decision is None:
            return "draft"
        state = TRANSITIONS[self.decision.action].after
        return "in_review" if state == "accepted" and self.is_changed else state

    @property
    def submission(self) -> ReviewEntry | None:
        """Return the entry with which the task was submitted last; None if nobody did."""
        submitted = [entry for entry in self.entries if entry.action == "submit"]
        return submitted[-1] if submitted else None

    @property
    def author(self) -> str:
        """Return who submitted the task last; empty if nobody did."""
        return self.submission.who if self.submission else ""

    @property
    def is_submitted(self) -> bool:
        """Return whether the task is as it was when it was submitted last."""
        return self.submission is not None and self.submission.digest == self.digest

    @property
    def status(self) -> str:
        """Return the state with who decided it and when."""
        decision, label = self.decision, STATE_LABELS[self.state]
        if decision is None:
            return label
        done = f"{decision.who} {TRANSITIONS[decision.action].done} it on {decision.when:%Y-%m-%d}"
        return f"{label}: changed since {done}" if self.is_changed else f"{label}: {done}"

    @property
    def short_status(self) -> str:
        """Return the state without persons and times."""
        was_accepted = self.decision is not None and self.decision.action == "accept"
        label = STATE_LABELS[self.state]
        return f"{label}: changed since it was accepted" if was_accepted else label

    @property
    def comments(self) -> list[ReviewComment]:
        """Return the comments in the order of time."""
        resolved = {entry.comment: entry for entry in self.entries if entry.action == "resolve"}
        written = [entry for entry in self.entries if entry.action == "comment"]
        return [ReviewComment(entry, resolved.get(entry.comment)) for entry in written]

    @property
    def open_comments(self) -> list[ReviewEntry]:
        """Return the comments that nobody resolved."""
        return [comment.entry for comment in self.comments if comment.resolved is None]

    @property
    def version(self) -> str:
        """Return a digest of the entries, by which a page notices those of other persons."""
        lines = "".join(entry.as_line() for entry in self.entries)
        return hashlib.sha256(lines.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return the state and the open comments as JSON values."""
        comments = [
            {"field": entry.field, "who": entry.who, "text": entry.text}
            for entry in self.open_comments
        ]
        return {
            "task": self.task,
            "state": self.state,
            "status": self.status,
            "open_comments": comments,
        }

    def decisions_of(self, person: str) -> list[str]:
        """Return the actions with which a person may decide now, with or without a new comment."""
        return [
            action for action in TRANSITIONS if not self.refusal(person, action, commented=True)
        ]

    def refusal(self, person: str, action: str, *, commented: bool = False) -> str | None:
        """Return why a person may not decide the state in this way; None if it is allowed.

        Args:
            person: who decides.
            action: the decision.
            commented: whether the person may add a comment with the decision.
        """
        transition = TRANSITIONS[action]
        is_changed = self.state == "in_review" and not self.is_submitted
        if self.state not in transition.before and not (action == "submit" and is_changed):
            needed = " or ".join(STATE_LABELS[state] for state in transition.before)
            return f"{self.task} is {STATE_LABELS[self.state]}: to {action}, it must be {needed}"
        is_author = person.casefold() == self.author.casefold()
        if transition.by == "author" and not is_author:
            return f"{self.author} submitted {self.task}: nobody else can withdraw it"
        if transition.by == "reviewer" and is_author:
            return f"{person} submitted {self.task}: another person has to review it"
        return None if action == "revise" and commented else self.missing_step(action)

    def missing_step(self, action: str) -> str | None:
        """Return what has to be done before a reviewer can decide in this way; None if nothing."""
        open_comments = self.open_comments
        if action == "accept" and not self.is_submitted:  # the change may be the reviewer's own
            return f"{self.task} changed since it was submitted: submit it again first"
        if action == "accept" and open_comments:
            open_ones = counted(len(open_comments), "open comment")
            return f"{self.task} has {open_ones}: it is accepted when all are resolved"
        if action == "revise" and not open_comments:
            return f"write a comment on what to revise in {self.task} first"
        return None

    def next_entry(self, new: NewEntry, when: datetime) -> ReviewEntry:
        """Return the entry to add; raise ReviewError if the person may not do this."""
        if new.action in TRANSITIONS:
            problem = self.refusal(new.who, new.action)
        elif new.action == "comment":
            problem = comment_problem(new)
        elif new.action == "resolve":
            is_open = new.comment in [entry.comment for entry in self.open_comments]
            problem = None if is_open else f"{self.task} has no open comment {new.comment!r}"
        else:
            problem = f"{new.action!r} is none of {', '.join(get_args(ReviewAction))}"
        if problem is not None:
            raise ReviewError(problem)
        name = self.task.partition("/")[2]
        entry = ReviewEntry(when, new.who, name, cast("ReviewAction", new.action), self.digest)
        if new.action == "resolve":
            return entry._replace(comment=new.comment)
        if new.action == "comment":
            entry = entry._replace(field=new.field, text=new.text.strip())
            return entry._replace(comment=entry.id)
        return entry


def comment_problem(new: NewEntry) -> str | None:
    """Return why a comment cannot be stored; None if it can."""
    if new.field not in get_args(CommentField):
        return f"a comment is on {', '.join(get_args(CommentField))}, not on {new.field!r}"
    if not new.text.strip():
        return "the comment is empty"
    if len(new.text) > MAX_COMMENT:
        return f"the comment has more than {counted(MAX_COMMENT, 'character')}"
    return None
