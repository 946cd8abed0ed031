"""How answers to MMMU are understood: as its owners' script does, and by content alone.

Witness: MMMU-Benchmark/MMMU at bb0b95a, `mmmu/utils/eval_utils.py` and
`mmmu/main_parse_and_eval.py`.
Where that script draws a letter by chance, an answer earns what the draw is expected to.
"""

import re
from collections.abc import Iterable, Sequence
from random import Random

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import (
    NUMBER_WORDS,
    contains,
    extract_answer,
    normalize_words,
)
from visionflan.evaluate.rules import mmbench as mmbench_rules

END_MARKS = tuple(",.!?;:'")
LETTER_FORMS = ("({})", " {} ")
CLUES = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
# The script looks for a capital after the full stop, in words that it has already lowered.
SENTENCE_END = re.compile(r"\.\s(?=[A-Z])|\n")
NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
SEED = 42

Reading = str | float


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as the owners' script does; of several options named, the last one counts."""
    if not question.options:
        return official_open(answer, question)
    letter = stated_letter(answer, question.candidates, question.options)
    if letter is None:
        return ParsedAnswer(1 / len(question.options), "", "unparsed")
    option = question.options[question.candidates.index(letter)]
    return ParsedAnswer(float(letter in question.references), option)


def stated_letter(answer: str, letters: Sequence[str], options: Sequence[str]) -> str | None:
    """Find the letter of the option that was named last, by letter or, in long answers, by text."""
    for mark in END_MARKS:
        answer = answer.strip(mark)
    said = f" {answer} "
    for form in LETTER_FORMS:
        places = {letter: said.rfind(form.format(letter)) for letter in letters}
        if max(places.values()) >= 0:
            return max(places, key=places.__getitem__)
    if len(said.split()) > 5:
        lowered = said.lower()
        named = zip(letters, options, strict=True)
        places = {letter: lowered.rfind(option.lower()) for letter, option in named}
        if max(places.values()) >= 0:
            return max(places, key=places.__getitem__)
    return None


def official_open(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Ask whether a number said is an accepted one, or something said contains accepted words."""
    read = readings(answer)
    accepted = [each for reference in question.references for each in normalized(reference)]
    words = [each for each in accepted if isinstance(each, str)]
    right = any(
        any(each in said for each in words) if isinstance(said, str) else said in accepted
        for said in read
    )
    said = " | ".join(map(str, read))
    return ParsedAnswer(float(right), said, "parsed" if answer.strip() else "unparsed")


def readings(answer: str) -> list[Reading]:
    """Give all that an answer to an open question can be taken to say."""
    said = key_words(answer)
    said += [number for words in said for form in NUMBERS for number in form.findall(words)]
    return list(dict.fromkeys(each for words in said for each in normalized(words)))


def key_words(answer: str) -> list[str]:
    """Take of each sentence the shortest words that follow a clue, or else the whole answer."""
    lowered = answer.strip().strip(".").lower()
    sentences = SENTENCE_END.split(lowered)
    found = []
    for place, sentence in enumerate(sentences, start=1):
        clues = CLUES if place < len(sentences) else (*CLUES, "=")
        shortest = ""
        for clue in clues:
            if clue in sentence:
                tail = sentence.split(clue)[-1].strip()
                shortest = tail if not shortest or len(tail) < len(shortest) else shortest
        if shortest and shortest not in END_MARKS:
            found.append(shortest)
    return found or [lowered]


def normalized(words: str) -> list[Reading]:
    """Read words as a number of two decimals if they are one; a single sign never stands alone."""
    words = words.strip()
    number = as_number(words)
    if number is not None:
        return [number]
    words = words.lower()
    return [f" {words}", f"{words} "] if len(words) == 1 else [words]


def as_number(words: str) -> float | None:
    """Read a number, with or without commas, to two decimals."""
    try:
        return round(float(words.replace(",", "")), 2)
    except ValueError:
        return None


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Ask which option is meant, or whether the one number or the words are accepted."""
    if question.options:
        return mmbench_rules.lenient(answer, question)
    said = extract_answer(answer).rpartition("=")[2].strip()
    words = [each for each in question.references if as_number(each) is None]
    if any(contains(normalize_words(said), normalize_words(each)) for each in words):
        return ParsedAnswer(1.0, said)
    accepted = {as_number(each) for each in question.references} - {None}
    numbers = numbers_in(said)
    if accepted and len(numbers) > 1:
        return ParsedAnswer(0.0, "", "ambiguous")
    return ParsedAnswer(float(bool(accepted & numbers)), said, "parsed" if said else "unparsed")


def numbers_in(words: str) -> set[float | None]:
    """Read the numbers that are written in digits, or in words up to twelve."""
    digits = [NUMBER_WORDS.get(word, word) for word in THOUSANDS.sub("", words).lower().split()]
    return {as_number(number) for number in NUMBER.findall(" ".join(digits))}


def seeded_accuracy(answered: Iterable[tuple[str, ScoringContext]], seed: int = SEED) -> float:
    """Give the number that the owners' script prints: what it cannot read, it draws.

    It depends on the order of the answers, which must be that of the script: its list of subjects,
    and within a subject the file. It is for comparing with published numbers and no measure.
    """
    draw = Random(seed)
    scores = []
    for answer, question in answered:
        verdict = official(answer, question)
        drawn = question.options and verdict.status == "unparsed"
        letter = draw.choice(question.candidates) if drawn else ""
        scores.append(float(letter in question.references) if drawn else verdict.score or 0.0)
    return sum(scores) / len(scores)
