"""Answer parsing of MMMU, as in its owners' script and leniently.

Source: MMMU-Benchmark/MMMU at bb0b95a, `mmmu/utils/eval_utils.py` and
`mmmu/main_parse_and_eval.py`. Where that script draws a random letter, an answer earns the expected
score of the draw.
"""

import re
from collections.abc import Iterable, Sequence
from random import Random

from visionflan.evaluate.metric import ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import (
    NUMBER_WORDS,
    contains,
    extract_answer,
    is_accepted,
    normalize_words,
)
from visionflan.evaluate.rules import multiple_choice

END_MARKS = tuple(",.!?;:'")
LETTER_FORMS = ("({})", " {} ")
CLUES = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
# The script looks for a capital letter after the full stop in text that is already lower case.
SENTENCE_END = re.compile(r"\.\s(?=[A-Z])|\n")
NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
SEED = 42

OpenAnswer = str | float  # a normalized text, or a number of two decimals


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as the owners' script does; if several options are named, the last one counts."""
    if not question.options:
        return official_open(answer, question)
    letter = stated_letter(answer, question.candidates, question.options)
    if letter is None:
        return ParsedAnswer(1 / len(question.options), "", "unparsed")
    option = question.options[question.candidates.index(letter)]
    return ParsedAnswer(float(letter in question.references), option)


def stated_letter(answer: str, letters: Sequence[str], options: Sequence[str]) -> str | None:
    """Return the letter of the last option named, by letter or, in long answers, by text."""
    for mark in END_MARKS:
        answer = answer.strip(mark)
    padded = f" {answer} "
    for form in LETTER_FORMS:
        positions = {letter: padded.rfind(form.format(letter)) for letter in letters}
        if max(positions.values()) >= 0:
            return max(positions, key=positions.__getitem__)
    if len(padded.split()) > 5:
        lowered = padded.lower()
        pairs = zip(letters, options, strict=True)
        positions = {letter: lowered.rfind(option.lower()) for letter, option in pairs}
        if max(positions.values()) >= 0:
            return max(positions, key=positions.__getitem__)
    return None


def official_open(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Accept an answer with an accepted number, or with a text that contains an accepted one."""
    predictions = parse_open(answer)
    accepted = [value for reference in question.references for value in normalize(reference)]
    texts = [value for value in accepted if isinstance(value, str)]
    is_right = any(
        any(text in value for text in texts) if isinstance(value, str) else value in accepted
        for value in predictions
    )
    parsed = " | ".join(map(str, predictions))
    return ParsedAnswer(float(is_right), parsed, "parsed" if answer.strip() else "unparsed")


def parse_open(answer: str) -> list[OpenAnswer]:
    """Return all texts and numbers that an answer to an open question can mean."""
    texts = key_phrases(answer)
    texts += [number for text in texts for form in NUMBERS for number in form.findall(text)]
    return list(dict.fromkeys(value for text in texts for value in normalize(text)))


def key_phrases(answer: str) -> list[str]:
    """Return the shortest text after a clue in each sentence, or else the complete answer."""
    lowered = answer.strip().strip(".").lower()
    sentences = SENTENCE_END.split(lowered)
    phrases = []
    for number, sentence in enumerate(sentences, start=1):
        clues = CLUES if number < len(sentences) else (*CLUES, "=")
        shortest = ""
        for clue in clues:
            if clue in sentence:
                tail = sentence.split(clue)[-1].strip()
                shortest = tail if not shortest or len(tail) < len(shortest) else shortest
        if shortest and shortest not in END_MARKS:
            phrases.append(shortest)
    return phrases or [lowered]


def normalize(text: str) -> list[OpenAnswer]:
    """Return a number of two decimals, or lower-case text; a single character gets a space."""
    text = text.strip()
    number = to_number(text)
    if number is not None:
        return [number]
    text = text.lower()
    return [f" {text}", f"{text} "] if len(text) == 1 else [text]


def to_number(text: str) -> float | None:
    """Parse a number, with or without commas, to two decimals; None if it is not one."""
    try:
        return round(float(text.replace(",", "")), 2)
    except ValueError:
        return None


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Accept the option that is meant, or an answer with the one accepted number or text."""
    if question.options:
        return multiple_choice.lenient(answer, question)
    if is_accepted(answer, question.references):
        return ParsedAnswer(1.0, answer.strip())
    text = extract_answer(answer).rpartition("=")[2].strip()
    texts = [reference for reference in question.references if to_number(reference) is None]
    if any(contains(normalize_words(text), normalize_words(other)) for other in texts):
        return ParsedAnswer(1.0, text)
    accepted = {to_number(reference) for reference in question.references} - {None}
    numbers = numbers_in(text)
    if accepted and len(numbers) > 1:
        return ParsedAnswer(0.0, "", "ambiguous")
    return ParsedAnswer(float(bool(accepted & numbers)), text, "parsed" if text else "unparsed")


def numbers_in(text: str) -> set[float | None]:
    """Return the numbers that are written in digits, or in words up to twelve."""
    digits = [NUMBER_WORDS.get(word, word) for word in THOUSANDS.sub("", text).lower().split()]
    return {to_number(number) for number in NUMBER.findall(" ".join(digits))}


def seeded_accuracy(answers: Iterable[tuple[str, ScoringContext]], seed: int = SEED) -> float:
    """Return the number that the owners' script prints, with its draws for unparsed answers.

    It depends on the order of the answers, which must be that of the script: its list of subjects,
    and within a subject the file. Use it to compare with published numbers only.
    """
    rng = Random(seed)
    scores = []
    for answer, question in answers:
        parsed = official(answer, question)
        is_random = question.options and parsed.status == "unparsed"
        letter = rng.choice(question.candidates) if is_random else ""
        scores.append(float(letter in question.references) if is_random else parsed.score or 0.0)
    return sum(scores) / len(scores)
