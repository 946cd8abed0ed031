"""Whether tuned models read more of an image (paper, appendix E.2): all text, and names of things.

Held-out images of the build's tasks are asked in the study's own words, which are new to every arm:
those with text are asked for all of it, those with captions for a long one. The answer that counts
is the longest annotation of the image. Only the first words of each answer count, as many for every
arm, since longer answers recall more.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from statistics import fmean

from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.steps.reprompt import RepromptStep
from visionflan.analysis.study import Study
from visionflan.builder.reprompt import Question
from visionflan.errors import AnalysisError
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

BASE, CHAT, SINGLE = "base", "chat", "single stage"
READING = "reading"  # the output, and the dataset of the study's own questions
TEXT, CAPTION = "text", "caption"
MAX_WORDS = 30  # of an answer that count
MAX_NEW_TOKENS = 96
REMEMBERED = 20_000  # scores, for which intervals over questions ask many times
PROMPTS = {
    TEXT: "Write down every word of text that can be seen in this image.",
    CAPTION: "Describe this image in detail: everything in it, and the names of what you know.",
}
CATEGORIES = {
    TEXT: ("Document-Level OCR",),
    CAPTION: ("Coarse-grained Captioning", "Fine-grained Captioning"),
}
WORD = re.compile(r"\w+(?:['’-]\w+)*")
SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n")

Score = Callable[[Record], float | None]


def cut(answer: str) -> str:
    """Return the first words of an answer, as many as count."""
    return " ".join(answer.split()[:MAX_WORDS])


@lru_cache(maxsize=REMEMBERED)
def recall(record: Record) -> float | None:
    """Return the share of the annotation's words that the answer has, each as often."""
    expected = Counter(normalize_words(record.target).split())
    written = Counter(normalize_words(cut(record.response)).split())
    return (expected & written).total() / expected.total() if expected else None


def names(text: str) -> set[str]:
    """Return the capitalized words of a text that do not begin a sentence, in lower case."""
    inner = (word for sentence in SENTENCE.split(text) for word in WORD.findall(sentence)[1:])
    return {word.lower() for word in inner if word[0].isupper() and word != "I"}


@lru_cache(maxsize=REMEMBERED)
def name_coverage(record: Record) -> float | None:
    """Return the share of the annotation's names that the answer has; None if it has no names."""
    expected = names(record.target)
    written = {word.lower() for word in WORD.findall(cut(record.response))}
    return len(expected & written) / len(expected) if expected else None


def length(record: Record) -> float:
    """Return the number of words of an answer that count."""
    return float(len(cut(record.response).split()))


def mean_of(score: Score, question: str) -> Callable[[ArmOutputs], float | None]:
    """Return a measure's function: the mean of a score over the answers to a question."""

    def compute(outputs: ArmOutputs) -> float | None:
        records = outputs.records({f"{READING}/{question}"}, name=READING)
        values = [value for record in records if (value := score(record)) is not None]
        return fmean(values) if values else None

    return compute


def measure(name: str, label: str, score: Score, question: str, missing: str = "") -> Measure:
    """Return a measure of the answers to a question."""
    kinds = " or ".join(CATEGORIES[question])
    missing = missing or f"the build has no held-out task of the category {kinds}"
    return Measure(name, label, mean_of(score, question), missing=missing)


def more_claim(model: str, name: str, of: str, sentence: str) -> Claim:
    """Return the claim that a model has more of something than single-stage tuning."""
    return Claim(
        name=f"{model}_{name}",
        sentence=sentence,
        measure=of,
        contrast=difference(model, SINGLE),
        direction="higher",
        smallest=0.02,
        paper="Figures 9 and 12, no numbers: more text and more entities than LLaVA 1.5",
    )


study = Study(
    title="Reading",
    question="Does tuning on many tasks make a model read more of an image?",
    paper="Appendix E.2.1 and E.2.2",
    factors=(
        Factor(
            "model",
            "the model; `single stage` tunes the aligned one on conversations alone",
            (BASE, CHAT, SINGLE),
        ),
    ),
    holds_out_tasks=False,
    measures=(
        measure("text_recall", "words of an image’s text in the answer", recall, TEXT),
        measure(
            "name_coverage",
            "names of a caption in the answer",
            name_coverage,
            CAPTION,
            "no caption of a held-out image has a capitalized name",
        ),
        measure("caption_recall", "words of a caption in the answer", recall, CAPTION),
        measure("text_length", f"words of answers about text, at most {MAX_WORDS}", length, TEXT),
        measure("caption_length", f"words of captions, at most {MAX_WORDS}", length, CAPTION),
    ),
    claims=(
        more_claim(BASE, "reads", "text_recall", "Base reads more text than single-stage tuning."),
        more_claim(CHAT, "reads", "text_recall", "Chat reads more text than single-stage tuning."),
        more_claim(
            BASE, "names", "name_coverage", "Base names more things than single-stage tuning."
        ),
        more_claim(
            CHAT, "names", "name_coverage", "Chat names more things than single-stage tuning."
        ),
    ),
    limits=(
        f"Answers are cut at {MAX_WORDS} words; a model that writes fewer is not made to write "
        "more, so compare the lengths.",
        "Names are capitalized words that do not begin a sentence; no tagger is used.",
        "Base and Chat were trained on the tasks whose held-out images are asked, in other words; "
        "single-stage tuning was not.",
        "Single-stage tuning takes the steps of the second stage alone, fewer than Base and Chat.",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each model, all asked the same questions."""
    build = RepromptStep(source=replicate.tasks.build, name=READING, questions=questions(replicate))
    models = {
        BASE: replicate.base,
        CHAT: replicate.chat,
        SINGLE: replicate.train_chat(replicate.aligned),
    }
    for name in map(str, factors["model"]):
        model = models[name]
        answers = replicate.evaluate(model, build, max_new_tokens=MAX_NEW_TOKENS)
        yield Arm(name=name, model=model, outputs={READING: answers}, factors={"model": name})


def questions(replicate: Replicate) -> tuple[Question, ...]:
    """Return the questions that the build has held-out annotations for."""
    chosen = []
    for name, categories in CATEGORIES.items():
        tasks = tuple(
            task
            for task, size in replicate.tasks.sizes.items()
            if size.category in categories and size.held_out
        )
        if tasks:
            chosen.append(Question(name, PROMPTS[name], tasks))
    if not chosen:
        raise AnalysisError(
            f"{replicate.tasks.build.path} has no held-out instances of a task about text or "
            "captions, such as textcaps/caption_generation: build some with it"
        )
    return tuple(chosen)
