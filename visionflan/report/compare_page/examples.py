"""Tell what became of each answer, and choose some of each kind to show beside their pictures."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from visionflan.compare.results import Pair
from visionflan.evaluate.metric import ParseStatus, ScoringRule
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash
from visionflan.prompt import format_option
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.data import words
from visionflan.report.run_page.examples import truncate_text
from visionflan.report.run_page.response_style import STATUS_LABELS

FlipKind = Literal[
    "gained",
    "lost",
    "better",
    "worse",
    "wrong differently",
    "format only",
    "right",
    "wrong alike",
    "same score",
    "missing",
    "talk",
]
# What the browser shows, in its order, with what to call it and what it means.
SHOWN: dict[FlipKind, tuple[str, str]] = {
    "gained": ("Gained", "wrong before, right after"),
    "lost": ("Lost", "right before, wrong after"),
    "better": ("Better in part", "more of the points after than before"),
    "worse": ("Worse in part", "fewer of the points after than before"),
    "wrong differently": ("Wrong, differently", "wrong both times, understood as something else"),
    "format only": ("Format only", "the same content; only the official rule’s score changed"),
    "talk": ("Free talk", "another answer where the manner counts and none is right or wrong"),
}
EACH_KIND, SIDE = 40, 224


def kind(pair: Pair, rule: ScoringRule) -> FlipKind:
    """Tell what became of an answer.

    By the official rule a change counts as one of format where the lenient rule sees none; by the
    other rules it counts as one of format where only the official rule sees it.
    """
    before, after = pair.before.score(rule), pair.after.score(rule)
    if before is None or after is None:
        return "missing"
    in_form = only_in_form(pair)
    if before == after or (rule == "official" and in_form):
        return "format only" if in_form else unchanged(pair, before)
    whole = {before, after} == {0.0, 1.0}
    if after > before:
        return "gained" if whole else "better"
    return "lost" if whole else "worse"


def only_in_form(pair: Pair) -> bool:
    """Whether the official rule sees a change, and the lenient rule none."""
    before, after = pair
    if before.score_official == after.score_official:
        return False
    return before.score_lenient == after.score_lenient and None not in (
        before.score_official,
        after.score_official,
        before.score_lenient,
    )


def unchanged(pair: Pair, score: float) -> FlipKind:
    """Tell what is said of an answer whose score has not changed."""
    if score == 1.0:
        return "right"
    if score > 0.0:
        return "same score"
    alike = understood(pair.before) == understood(pair.after)
    return "wrong alike" if alike else "wrong differently"


def understood(record: Record) -> str:
    """Give what was understood of an answer in plain words; all of it where nothing was."""
    return normalize_words(record.parsed or record.answer)


class AnswerView(NamedTuple):
    """An answer, and what each rule made of it: what was understood, how well, and its score."""

    text: str
    mark: str
    rows: Sequence[tuple[str, str, str, float | None]]


class FlipCard(NamedTuple):
    """A question whose answer changed, with its pictures and both answers."""

    kind: FlipKind
    task: str
    title: str
    style: str
    key: str
    pictures: Sequence[str]
    without: str
    prompt: str
    target: str
    others: Sequence[str]
    before: AnswerView
    after: AnswerView


class Browser(NamedTuple):
    """What the page shows of the changed answers, and how many there are of each kind and task."""

    counts: Mapping[FlipKind, int]
    tasks: Mapping[str, str]
    cards: Sequence[FlipCard]


class FlipBrowser:
    """Shows the answers that changed, by one rule."""

    def __init__(
        self, rule: ScoringRule, tasks: Mapping[str, TaskHeader], pictures: InlineImages
    ) -> None:
        self.rule, self.tasks, self.pictures = rule, tasks, pictures

    def browser(self, pairs: Sequence[Pair]) -> Browser:
        """Choose what is shown: some of each kind, spread over tasks."""
        found: dict[FlipKind, list[Pair]] = defaultdict(list)
        for pair in pairs:
            found[self.kind(pair)].append(pair)
        cards = [self.card(pair, name) for name in SHOWN for pair in spread(found[name], EACH_KIND)]
        tasks = sorted({each.task for each in cards})
        return Browser(
            {name: len(found[name]) for name in SHOWN},
            {task: self.title(task) for task in tasks},
            cards,
        )

    def title(self, task: str) -> str:
        """Give the title of a task."""
        return self.tasks[task].title or task

    def kind(self, pair: Pair) -> FlipKind:
        """Tell what became of an answer; one in free talk is only another, or the same."""
        if not self.tasks[pair.after.task].conversation:
            return kind(pair, self.rule)
        return "same score" if pair.before.answer == pair.after.answer else "talk"

    def card(self, pair: Pair, name: FlipKind) -> FlipCard:
        """Show one question."""
        record = pair.after
        uris = [self.pictures.uri(image, SIDE) for image in record.images]
        lettering = record.target in record.options
        rule = None if name == "talk" else self.rule
        return FlipCard(
            kind=name,
            task=record.task,
            title=self.title(record.task),
            style=record.style,
            key=record.instance,
            pictures=[uri for uri in uris if uri],
            without="" if all(uris) and uris else missing_image_reason(record, self.pictures),
            prompt=truncate_text(words(record.prompt)),
            target=format_option(record.options, record.target)
            if lettering
            else truncate_text(record.target),
            others=[truncate_text(other) for other in record.references if other != record.target],
            before=reading(pair.before, rule),
            after=reading(pair.after, rule),
        )


def spread(pairs: Iterable[Pair], most: int) -> Iterator[Pair]:
    """Take pairs by hash, of each task one before any has two."""
    order = sorted(pairs, key=lambda pair: stable_hash("flip", *pair.before.place))
    taken: Counter[str] = Counter()
    turns = []
    for pair in order:
        turns.append(taken[pair.before.task])
        taken[pair.before.task] += 1
    by_turn = sorted(range(len(order)), key=lambda place: (turns[place], place))
    yield from (order[place] for place in by_turn[:most])


def missing_image_reason(record: Record, pictures: InlineImages) -> str:
    """Say why a picture is not shown."""
    if not record.images:
        return "asked without a picture"
    if any(pictures.made.get((image, SIDE, False)) for image in record.images):
        return "picture left out: the page is as large as it may be"
    return "picture no longer on this disk"


def reading(record: Record, rule: ScoringRule | None) -> AnswerView:
    """Tell an answer with what both rules made of it, or once where they agree; talk has none."""
    text = truncate_text(record.answer) or "(nothing)"
    if rule is None:
        return AnswerView(text, "talk", [])
    lenient = record.parsed, record.status, record.score_lenient
    official = record.parsed_official, record.status_official, record.score_official
    named = {"officially": official, "leniently": lenient}
    if lenient == official:
        named = {"read as": lenient}
    rows = [
        (name, quoted(record, parsed, status), STATUS_LABELS[status], score)
        for name, (parsed, status, score) in named.items()
    ]
    if record.decided_by == "judge":
        rows[-1] = (rows[-1][0], rows[-1][1], "decided by a judge", record.score_lenient)
    if record.score_likelihood is not None:
        rows.append(("likeliest", likeliest(record), "by likelihood", record.score_likelihood))
    return AnswerView(text, mark(record.score(rule)), rows)


def quoted(record: Record, parsed: str, status: ParseStatus) -> str:
    """Give what was understood; nothing where that is only the whole answer again."""
    return "" if status != "parsed" and parsed == record.answer else truncate_text(parsed)


def likeliest(record: Record) -> str:
    """Give the closed answer that the model holds likeliest, or those that tie."""
    best = max(record.logprobs)
    told = zip(record.candidates, record.logprobs, strict=True)
    return " or ".join(candidate for candidate, logprob in told if logprob == best)


def mark(score: float | None) -> str:
    """Tell right, wrong or partly right; nothing where there is no score."""
    if score is None:
        return "open"
    return "right" if score >= 1.0 else "wrong" if score <= 0.0 else "partly"
