"""VQA accuracy: an answer is as right as the share of annotators who gave it, three being enough.

The rules are those of the benchmark's own script (GT-Vision-Lab/VQA, vqaEval.py).
"""

import re
from collections.abc import Sequence

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext
from visionflan.evaluate.metrics.normalization import extract_answer

FEWEST_REFERENCES = 4

COUNTING = "zero one two three four five six seven eight nine ten"
DIGITS = {word: str(number) for number, word in enumerate(COUNTING.split())} | {"none": "0"}
ARTICLES = ("a", "an", "the")
MARKS = ';/[]"{}()=+\\_-><@`,?!'
COMMA_BETWEEN_DIGITS = re.compile(r"\d,\d")
# The script means a look-behind and writes `(?!<=`, so only a digit after the period keeps it;
# and it passes a flag of value 32 where the number of replacements goes.
PERIOD = re.compile(r"(?!<=\d)\.(?!\d)")
MOST_PERIODS = 32

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
    """Normalise an answer as the script does, with its quirks."""
    return normalize_words(normalize_marks(one_line(text)))


def one_line(text: str) -> str:
    """Put an answer on one line."""
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalize_marks(text: str) -> str:
    """Drop a mark that stands beside a blank, make a gap of one that does not; drop periods."""
    cleaned = text
    dropped = COMMA_BETWEEN_DIGITS.search(text) is not None
    for mark in MARKS:
        beside_blank = f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if dropped or beside_blank else " ")
    return PERIOD.sub("", cleaned, count=MOST_PERIODS)


def normalize_words(text: str) -> str:
    """Lower the case, write number words as digits, drop articles, restore apostrophes."""
    words = (DIGITS.get(word, word) for word in text.lower().split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def agreement(answer: str, references: Sequence[str]) -> float:
    """Average over the annotators: a third for each other one who gave this answer, up to one."""
    matches = sum(reference == answer for reference in references)
    others = [matches - (reference == answer) for reference in references]
    return sum(min(1.0, count / 3) for count in others) / len(references)


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as the script does: nothing is normalised where all annotators agree to the letter."""
    if len(question.references) < FEWEST_REFERENCES:
        return normalized_match(answer, question.references)
    said, references = one_line(answer), [one_line(each) for each in question.references]
    if len(set(references)) > 1:
        said, references = normalize(said), [normalize(each) for each in references]
    return ParsedAnswer(agreement(said, references), said)


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score with everything normalised, by the formula or its bare answer, whichever is more."""
    return max(
        (normalized(said, question.references) for said in (answer, extract_answer(answer))),
        key=lambda verdict: verdict.score or 0.0,
    )


def normalized(answer: str, references: Sequence[str]) -> ParsedAnswer:
    """Score with answer and references always normalised: the number that most people report."""
    if len(references) < FEWEST_REFERENCES:
        return normalized_match(answer, references)
    said = normalize(answer)
    return ParsedAnswer(agreement(said, [normalize(each) for each in references]), said)


def normalized_match(answer: str, references: Sequence[str]) -> ParsedAnswer:
    """Compare normalised: with fewer than four references the formula can never give one."""
    said = normalize(answer)
    return ParsedAnswer(float(any(said == normalize(each) for each in references)), said)


METRIC = Metric(official, lenient, label="VQA accuracy", guessable=True)
