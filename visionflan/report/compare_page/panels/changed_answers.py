"""Browse the answers that changed, with their images and both responses."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from visionflan.compare.results import AnswerPair
from visionflan.evaluate.metric import ParseStatus, ScoringRule
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash
from visionflan.report.answer_status import STATUS_LABELS
from visionflan.report.compare_page.flips import CHANGED, FlipKind, flip_kind
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport
from visionflan.report.inline_images import InlineImages
from visionflan.report.text import prompt_text, target_text, truncate_text

MAX_PER_KIND, IMAGE_SIDE = 40, 224

AnswerMark = Literal["right", "wrong", "partial", "unscored", "conversation"]


class RuleOutcome(NamedTuple):
    """The outcome of one scoring rule for a response."""

    rule: str
    parsed: str
    status: str
    score: float | None


class AnswerView(NamedTuple):
    """A response with the outcome of each scoring rule."""

    text: str
    mark: AnswerMark
    outcomes: Sequence[RuleOutcome]


class FlipCard(NamedTuple):
    """A question whose answer changed, with its images and both responses."""

    kind: FlipKind
    task: str
    title: str
    style: str
    key: str
    images: Sequence[str]
    missing_image: str  # why there is no image
    prompt: str
    target: str
    references: Sequence[str]  # in addition to the target
    before: AnswerView
    after: AnswerView


class ChangedAnswers(NamedTuple):
    """The cards of the panel, and how many answers there are of each kind."""

    kinds: Mapping[FlipKind, tuple[str, str]]
    counts: Mapping[FlipKind, int]
    tasks: Mapping[str, str]  # titles by name
    cards: Sequence[FlipCard]


class FlipBrowser:
    """Chooses answers that changed under one rule."""

    def __init__(
        self, rule: ScoringRule, tasks: Mapping[str, TaskHeader], images: InlineImages
    ) -> None:
        self.rule, self.tasks, self.images = rule, tasks, images

    def browse(self, pairs: Sequence[AnswerPair]) -> ChangedAnswers:
        """Choose up to `MAX_PER_KIND` answers of each kind, spread over tasks."""
        by_kind: dict[FlipKind, list[AnswerPair]] = defaultdict(list)
        for pair in pairs:
            by_kind[self.kind(pair)].append(pair)
        cards = [
            self.card(pair, kind)
            for kind in CHANGED
            for pair in spread_over_tasks(by_kind[kind], MAX_PER_KIND)
        ]
        tasks = sorted({card.task for card in cards})
        return ChangedAnswers(
            kinds=CHANGED,
            counts={kind: len(by_kind[kind]) for kind in CHANGED},
            tasks={task: self.title(task) for task in tasks},
            cards=cards,
        )

    def title(self, task: str) -> str:
        """Return the title of a task."""
        return self.tasks[task].title or task

    def kind(self, pair: AnswerPair) -> FlipKind:
        """Classify a pair of responses; conversations are only the same or different."""
        if not self.tasks[pair.after.task].conversation:
            return flip_kind(pair, self.rule)
        return "same score" if pair.before.response == pair.after.response else "conversation"

    def card(self, pair: AnswerPair, kind: FlipKind) -> FlipCard:
        """Return the card of one question."""
        record = pair.after
        uris = [self.images.uri(image, IMAGE_SIDE) for image in record.images]
        rule = None if kind == "conversation" else self.rule
        return FlipCard(
            kind=kind,
            task=record.task,
            title=self.title(record.task),
            style=record.prompt_style,
            key=record.instance,
            images=[uri for uri in uris if uri],
            missing_image="" if uris and all(uris) else missing_image_reason(record, self.images),
            prompt=truncate_text(prompt_text(record.prompt)),
            target=truncate_text(target_text(record)),
            references=[truncate_text(text) for text in record.references if text != record.target],
            before=answer_view(pair.before, rule),
            after=answer_view(pair.after, rule),
        )


def changed_answers(report: ComparisonReport) -> ChangedAnswers:
    """Choose the answers that the panel shows."""
    browser = FlipBrowser(report.rule, report.tasks, InlineImages(report.sources))
    return browser.browse(report.comparison.pairs)


def spread_over_tasks(pairs: Iterable[AnswerPair], max_count: int) -> Iterator[AnswerPair]:
    """Choose pairs by hash: one of each task before a second of any."""
    ordered = sorted(pairs, key=lambda pair: stable_hash("flip", *pair.before.key))
    used: Counter[str] = Counter()
    rounds = []
    for pair in ordered:
        rounds.append(used[pair.before.task])
        used[pair.before.task] += 1
    by_round = sorted(range(len(ordered)), key=lambda index: (rounds[index], index))
    yield from (ordered[index] for index in by_round[:max_count])


def missing_image_reason(record: Record, images: InlineImages) -> str:
    """Return why the image of a question is not shown."""
    if not record.images:
        return "question without an image"
    if any(images.is_available(image) for image in record.images):
        return "image omitted: the page has reached its size limit"
    return "image not found"


def answer_view(record: Record, rule: ScoringRule | None) -> AnswerView:
    """Return a response with its mark under a rule; a conversation (no rule) has no outcomes."""
    text = truncate_text(record.response) or "(empty)"
    if rule is None:
        return AnswerView(text, "conversation", [])
    return AnswerView(text, mark(record.score(rule)), rule_outcomes(record))


def rule_outcomes(record: Record) -> list[RuleOutcome]:
    """Return the outcome of each rule for a response; one outcome if both parsing rules agree."""
    lenient = record.parsed_lenient, record.status_lenient, record.score_lenient
    official = record.parsed_official, record.status_official, record.score_official
    by_rule = {"official rule": official, "lenient rule": lenient}
    if lenient == official:
        by_rule = {"both rules": lenient}
    outcomes = [
        RuleOutcome(name, parsed_text(record, parsed, status), STATUS_LABELS[status], score)
        for name, (parsed, status, score) in by_rule.items()
    ]
    if record.scored_by == "judge":
        outcomes[-1] = outcomes[-1]._replace(
            status="scored by an LLM judge", score=record.score_lenient
        )
    if record.score_likelihood is not None:
        option = most_likely_option(record)
        outcomes.append(
            RuleOutcome("log-likelihood", option, "most likely option", record.score_likelihood)
        )
    return outcomes


def parsed_text(record: Record, parsed: str, status: ParseStatus) -> str:
    """Return the parsed answer; "" if it is the complete response."""
    return "" if status != "parsed" and parsed == record.response else truncate_text(parsed)


def most_likely_option(record: Record) -> str:
    """Return the option with the highest log-likelihood, or all that tie; "" if it is not known.

    Tables of other programs can have the score alone.
    """
    if not record.logprobs or len(record.logprobs) != len(record.candidates):
        return ""
    best = max(record.logprobs)
    options = zip(record.candidates, record.logprobs, strict=True)
    return " or ".join(candidate for candidate, logprob in options if logprob == best)


def mark(score: float | None) -> AnswerMark:
    """Return whether a score means right, wrong or partially right."""
    if score is None:
        return "unscored"
    return "right" if score >= 1.0 else "wrong" if score <= 0.0 else "partial"


PANEL = Panel(title="Changed answers", link="Changed answers", order=70, view=changed_answers)
