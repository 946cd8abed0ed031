"""VQA accuracy: an answer scores a third for each annotator who gave it, at most 1.

The rules are those of the benchmark's own script (GT-Vision-Lab/VQA, vqaEval.py). Its treatment of
punctuation equates values that differ, under both rules: `-5` is `5`, `C++` is `C`, `$5` is `5`.
"""

import re
from collections.abc import Sequence

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer

MIN_REFERENCES = 4

COUNTING = "zero one two three four five six seven eight nine ten"
DIGITS = {word: str(number) for number, word in enumerate(COUNTING.split())} | {"none": "0"}
ARTICLES = ("a", "an", "the")
MARKS = ';/[]"{}()=+\\_-><@`,?!'
COMMA_BETWEEN_DIGITS = re.compile(r"\d,\d")
# The script means a look-behind and writes `(?!<=`, so only a digit after the period keeps it;
# and it passes a flag of value 32 where the number of replacements goes.
PERIOD = re.compile(r"(?!<=\d)\.(?!\d)")
MAX_PERIODS = 32

ONE_APOSTROPHE = """
    ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd
    how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've o'clock
    oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll someone's
    something'd something'll that's there'd there're there's they'd they'll they're they've 'twas
    wasn't we've weren't what'll what're what's what've when's where'd where's where've who'd
    who'll who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're
    you've
"""
TWO_APOSTROPHES = """
    couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've
    someone'd've something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll you'd've
"""
CONTRACTIONS = (
    {word.replace("'", ""): word for word in ONE_APOSTROPHE.split()}
    | {word.replace("'", "", 1): word for word in TWO_APOSTROPHES.split()}
    | {"".join(word.rsplit("'", 1)): word for word in TWO_APOSTROPHES.split()}
    | {
        "somebody'd": "somebodyd",
        "ow's'at": "'ow's'at",
        "'ows'at": "'ow's'at",
        "'ow'sat": "'ow's'at",
        "yall'd've": "y'all'd've",
        "y'alld've": "y'all'd've",
        "y'all'dve": "y'all'd've",
    }
)


def normalize(text: str) -> str:
    """Normalize an answer as the script does, quirks included."""
    return normalize_words(normalize_marks(one_line(text)))


def one_line(text: str) -> str:
    """Replace line breaks and tabs by spaces."""
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalize_marks(text: str) -> str:
    """Remove periods and marks next to a space; replace other marks by a space."""
    cleaned = text
    has_number = COMMA_BETWEEN_DIGITS.search(text) is not None
    for mark in MARKS:
        next_to_space = f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if has_number or next_to_space else " ")
    return PERIOD.sub("", cleaned, count=MAX_PERIODS)


def normalize_words(text: str) -> str:
    """Lowercase, write number words as digits, remove articles, restore apostrophes."""
    tokens = (DIGITS.get(word, word) for word in text.lower().split())
    return " ".join(CONTRACTIONS.get(token, token) for token in tokens if token not in ARTICLES)


def agreement(answer: str, references: Sequence[str]) -> float:
    """Return the mean over annotators of min(1, others with this answer / 3)."""
    matches = sum(reference == answer for reference in references)
    others = [matches - (reference == answer) for reference in references]
    return sum(min(1.0, count / 3) for count in others) / len(references)


def official(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Score as the script does: nothing is normalized if all annotators wrote the same."""
    if len(context.references) < MIN_REFERENCES:
        return normalized_match(answer, context.references)
    text, references = one_line(answer), [one_line(entry) for entry in context.references]
    if len(set(references)) > 1:
        text, references = normalize(text), [normalize(entry) for entry in references]
    return ParsedAnswer(agreement(text, references), text)


def lenient(answer: str, context: ScoringContext) -> ParsedAnswer:
    """Return the better score of the complete and the extracted answer, both normalized."""
    return max(
        (
            normalized_accuracy(text, context.references)
            for text in (answer, extract_answer(answer))
        ),
        key=lambda parsed: parsed.score or 0.0,
    )


def normalized_accuracy(answer: str, references: Sequence[str]) -> ParsedAnswer:
    """Score with answer and references always normalized: the number that most papers report."""
    if len(references) < MIN_REFERENCES:
        return normalized_match(answer, references)
    text = normalize(answer)
    return ParsedAnswer(agreement(text, [normalize(entry) for entry in references]), text)


def normalized_match(answer: str, references: Sequence[str]) -> ParsedAnswer:
    """Compare normalized answers: with fewer than four references the formula never gives 1."""
    text = normalize(answer)
    return ParsedAnswer(float(any(text == normalize(entry) for entry in references)), text)


METRIC = Metric(official, lenient, label="VQA accuracy", guessable=True)
