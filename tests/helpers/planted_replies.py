"""Replies about drawn scenes, good ones and ones with a planted fault, to measure filters on.

All is combined by hash from lists of phrases. Good replies have what filters may mistake for a
fault: signs with the words of annotations, hedges, parts of a group, colors of other objects.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.helpers.phrase_set import PhraseSet
from tests.helpers.reply_phrases import COLORS, TUNED
from visionflan.hashing import stable_hash
from visionflan.llm.base import LlmReply
from visionflan.storage.instance import Instance, Turn
from visionflan.synthesize.contexts import ContextRow, ImageContext

OBJECTS = (
    *("dog", "car", "umbrella", "chair", "bicycle", "boat", "bird", "kite", "truck", "horse"),
    *("cup", "laptop", "suitcase", "cow"),
)
SCENES = ("kitchen", "beach", "street", "park", "office", "farm", "harbor", "classroom")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


class Scene(NamedTuple):
    """What an image shows: a group of some size, a single object with a color, and no other."""

    number: int
    group: str
    size: int
    single: str
    color: str
    absent: str
    site: str

    @property
    def others(self) -> dict[str, str]:
        """Values that the scene does not have, for faults."""
        return {
            "color": COLORS[(COLORS.index(self.color) + 1 + self.number % 7) % 8],
            "site": SCENES[(SCENES.index(self.site) + 1 + self.number % 7) % 8],
            "count": NUMBERS[self.size + (-1, 1, 2)[self.number % 3]],
        }

    def fill(self, template: str) -> str:
        """Return a template with the values of the scene."""
        wrong = {f"wrong_{name}": value for name, value in self.others.items()}
        values = {**self._asdict(), **wrong, "count": NUMBERS[self.size], "digits": self.size}
        text = template.format(**values, groups=f"{self.group}s")
        return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


class PlantedReply(NamedTuple):
    """A reply of one kind about a context, and whether it has a fault."""

    kind: str
    reply: LlmReply
    context: ImageContext
    is_bad: bool
    earlier: LlmReply | None = None  # a reply that was accepted before, of which it is a copy


def scene(number: int) -> Scene:
    """Return the scene of a number."""
    order = sorted(OBJECTS, key=lambda name: stable_hash(number, name))
    pick = [stable_hash(number, part) for part in ("count", "color", "place")]
    return Scene(
        number,
        order[0],
        2 + pick[0] % 4,
        order[1],
        COLORS[pick[1] % len(COLORS)],
        order[2],
        SCENES[pick[2] % len(SCENES)],
    )


def make_row(
    name: str, text: str, target: str, metric: str, candidates: Sequence[str] = ()
) -> ContextRow:
    """Return a row of a context."""
    instruction = {"scene": "Name the place.", "caption": "Describe the image."}.get(
        name, "Answer."
    )
    instance = Instance(
        id=f"planted/{name}/1",
        dataset="planted",
        task=f"planted/{name}",
        split="train",
        key="1",
        images=("1",),
        turns=(Turn("user", f"<image>\n{instruction}\n\n{text}"), Turn("assistant", target)),
        instruction=instruction,
        text=text,
        options=(),
        target=target,
        references=(target,),
        metric=metric,
        synthetic=False,
    )
    return ContextRow(instance, tuple(candidates))


def context_of(pictured: Scene) -> ImageContext:
    """Return the rows of a scene."""
    rows = (
        make_row(
            "count",
            pictured.fill("How many {groups} are in the image?"),
            str(pictured.size),
            "vqa_accuracy",
        ),
        make_row(
            "color",
            pictured.fill("What color is the {single}?"),
            pictured.color,
            "exact_match",
            COLORS,
        ),
        make_row("absent", pictured.fill("Is there a {absent} in the image?"), "no", "exact_match"),
        make_row(
            "present", pictured.fill("Is there a {single} in the picture?"), "yes", "exact_match"
        ),
        make_row("scene", "", pictured.site, "exact_match", SCENES),
        make_row(
            "caption",
            "",
            pictured.fill("{count} {groups} and a {color} {single} at a {site}"),
            "cider",
        ),
    )
    return ImageContext(f"scene-{pictured.number}", "1", rows)


def choose(items: Sequence[str | tuple[str, str]], count: int, *seed: str | int) -> list[int]:
    """Return the indices of some items, in an order by hash."""
    order = sorted(range(len(items)), key=lambda index: stable_hash(*seed, index))
    return order[:count]


def write_good(number: int, phrases: PhraseSet = TUNED) -> tuple[str, list[tuple[str, str]]]:
    """Return the kind and the parts of a good reply: its questions and answers, or sentences."""
    pictured, kind = scene(number), ("conversation", "detail", "reasoning")[number % 3]
    extra = phrases.hedges[number % len(phrases.hedges)] if number % 5 == 0 else ""
    extra = phrases.almost_talk[number % len(phrases.almost_talk)] if number % 5 == 1 else extra
    sentences = [
        pictured.fill(phrases.sentences[i])
        for i in choose(phrases.sentences, 5, number, "sentences")
    ]
    if extra:
        sentences.insert(1 + number % 4, extra)
    if kind == "detail":
        return kind, [("", " ".join(sentences))]
    if kind == "reasoning":
        return kind, [(pictured.fill("Why may the {single} be here?"), " ".join(sentences))]
    chosen = choose(phrases.exchanges, 2 + number % 4, number, "exchanges")
    pairs = [
        (pictured.fill(phrases.exchanges[i][0]), pictured.fill(phrases.exchanges[i][1]))
        for i in chosen
    ]
    if extra:
        question, answer = pairs[-1]
        pairs[-1] = (question, f"{answer} {extra}")
    return kind, pairs


def join(kind: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the text of a reply."""
    if kind == "detail":
        return pairs[0][1]
    return "\n".join(f"Question: {question}\nAnswer: {answer}" for question, answer in pairs)


def planted(number: int, kind: str, text: str, finish_reason: str = "stop") -> PlantedReply:
    """Return a bad reply."""
    reply = LlmReply(text, "", finish_reason=finish_reason)
    return PlantedReply(kind, reply, context_of(scene(number)), True)


def good(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a good reply."""
    kind, pairs = write_good(number, phrases)
    return planted(number, kind, join(kind, pairs))._replace(is_bad=False)


def insert(number: int, phrases: PhraseSet, phrase: str) -> PlantedReply:
    """Return a reply with a sentence in one of its answers."""
    kind, pairs = write_good(number, phrases)
    position = stable_hash(number, "place") % len(pairs)
    question, answer = pairs[position]
    starts = stable_hash(number, "side") % 2
    pairs[position] = (question, f"{phrase} {answer}" if starts else f"{answer} {phrase}")
    return planted(number, kind, join(kind, pairs))


def with_talk(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a reply that speaks of annotations."""
    return insert(number, phrases, scene(number).fill(phrases.talk[number % len(phrases.talk)]))


def with_refusal(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a refusal, as the reply or as one of its answers."""
    kind, pairs = write_good(number, phrases)
    refusal = scene(number).fill(phrases.refusals[number % len(phrases.refusals)])
    if number % 2 or kind == "detail":
        return planted(number, kind, refusal)
    position = stable_hash(number, "place") % len(pairs)
    pairs[position] = (pairs[position][0], refusal)
    return planted(number, kind, join(kind, pairs))


def with_empty(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a reply without words, or with an answer without words."""
    kind, pairs = write_good(number, phrases)
    empty = phrases.empty[number % len(phrases.empty)]
    if number % 2 or kind == "detail":
        return planted(number, kind, empty)
    pairs[-1] = (pairs[-1][0], empty)
    return planted(number, kind, join(kind, pairs))


def with_cut(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a reply that ends anywhere; half of the servers say so."""
    kind, pairs = write_good(number, phrases)
    text = join(kind, pairs)
    end = len(text) - 3 - stable_hash(number, "end") % (len(text) // 2)
    reason = "length" if number % 2 else "stop"
    return planted(number, kind, text[:end], finish_reason=reason)


def with_contradiction(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a reply that contradicts a row."""
    pictured = scene(number)
    kind, pairs = write_good(number, phrases)
    if kind == "conversation" and number % 2:
        question, answer = phrases.contradicted_pairs[number % len(phrases.contradicted_pairs)]
        pairs = [(pictured.fill(question), pictured.fill(answer)), *pairs[-1:]]
        return planted(number, kind, join(kind, pairs))
    if number % 9 == 4:
        wrong = pictured.fill("This is a {wrong_site}. A {color} {single} is at its center.")
        return planted(number, "detail", wrong)
    return insert(
        number, phrases, pictured.fill(phrases.contradictions[number % len(phrases.contradictions)])
    )


def with_malformed(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a conversation in a wrong form."""
    _, pairs = write_good(3 * number, phrases)
    text = join("conversation", pairs)
    change: Callable[[str], str] = phrases.malformed[number % len(phrases.malformed)]
    return planted(3 * number, "conversation", change(text))


def with_duplicate(number: int, phrases: PhraseSet = TUNED) -> PlantedReply:
    """Return a reply that is nearly another one."""
    original = good(number, phrases)
    text = original.reply.text
    edits: tuple[Callable[[str], str], ...] = (
        lambda text: text,
        str.upper,
        lambda text: text.replace(".", "!").replace("?", "??"),
        lambda text: text.replace("The ", "That ", 1),
        lambda text: text.replace(" and ", " plus ", 1),
        lambda text: f"{text} That is all.",
    )
    edited = edits[number % len(edits)](text)
    edited = edited.replace("QUESTION:", "Question:").replace("ANSWER:", "Answer:")
    return planted(number, original.kind, edited)._replace(earlier=original.reply)


def rewritten(number: int, phrases: PhraseSet = TUNED, *, is_bad: bool) -> PlantedReply:
    """Return a rewritten answer that keeps the label of its row, or loses it."""
    name = list(phrases.rewrites)[number % len(phrases.rewrites)]
    question, targets, candidates, keeps, loses = phrases.rewrites[name]
    pictured, order = scene(number), choose(targets, 2, number, "target")
    target, wrong = targets[order[0]], targets[order[1]]
    words = {"t": target, "T": target.capitalize(), "w": wrong, "W": wrong.capitalize()}
    templates = loses if is_bad else (*keeps, *phrases.keep_plain)
    template = templates[number // len(phrases.rewrites) % len(templates)]
    for mark, word in words.items():
        template = template.replace(f"{{{mark}}}", word)
    row = make_row(name, pictured.fill(question), target, "exact_match", candidates)
    reply = LlmReply(pictured.fill(template), "", finish_reason="stop")
    return PlantedReply("rewrite", reply, ImageContext(f"row-{number}", "1", (row,)), is_bad)
