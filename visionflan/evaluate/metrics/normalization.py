"""Normalize answers without changing their content: case, articles, punctuation, lead-ins."""

import re
from string import punctuation

COUNTING = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = {word: str(number) for number, word in enumerate(COUNTING.split())}
ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", punctuation)
ANSWER_MARK = re.compile(
    r"\b(?:(?:final|correct|right|best)\s+)?(?:answer|option|choice)(?:\s+is\s*:?|\s*:)\s*",
    re.IGNORECASE,
)
# What a chatty model writes before the answer itself; removed in any order.
LEAD_INS = re.compile(
    r"^(?:sure[,!.]?|well,|certainly[,!.]?|i (?:think|believe|see|would say)(?: that)?|"
    r"(?:the|this) (?:image|picture|photo|photograph|diagram|drawing|chart|figure)"
    r"(?: is of| shows| depicts| features| displays| contains| is)?|"
    r"there (?:is|are)(?: only| exactly)?|it(?:'s| is)|this is|that is|they are|these are|"
    r"in (?:the|this) (?:image|picture|photo),?)\s+",
    re.IGNORECASE,
)
EXPLANATION = re.compile(
    r"(?:^|,?\s+)(?:because|since|given that)\b|,\s+(?:as|which|so)\b", re.IGNORECASE
)
SENTENCE_END = re.compile(r"(?<=[^\d\s.])[.!?](?=\s|$)")
REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not (?:able|sure))|i (?:can't|cannot|can not|do not know"
    r"|don't know)|as an ai|unable to (?:answer|determine|tell|see)|impossible to (?:tell|say|"
    r"determine)|cannot be determined|not enough information)\b",
    re.IGNORECASE,
)


def normalize_squad(text: str) -> str:
    """Normalize as SQuAD's script does: lowercase, no punctuation or articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def normalize_whitespace(text: str) -> str:
    """Normalize case and white space only."""
    return " ".join(text.lower().split())


def normalize_words(text: str) -> str:
    """Normalize to plain words: number words as digits, marks as spaces, no articles."""
    straight = text.lower().replace("’", "'").replace("'", "")
    tokens = re.sub(r"[^\w\s.]|\.(?!\d)|_", " ", straight).split()
    content = [NUMBER_WORDS.get(word, word) for word in tokens if word not in ("a", "an", "the")]
    return " ".join(content or tokens)


def extract_answer(text: str) -> str:
    """Return the answer without the text around it: `The answer is: a red bus.` -> `a red bus`."""
    marks = list(ANSWER_MARK.finditer(text))
    text = text[marks[-1].end() :] if marks else text
    line = without_lead_ins(text.strip().split("\n")[0].strip(" *\"'`"))
    answer = EXPLANATION.split(SENTENCE_END.split(line, maxsplit=1)[0], maxsplit=1)[0]
    return answer.strip(" *\"'`").removesuffix(".")


def without_lead_ins(text: str) -> str:
    """Remove all phrases that lead in to the answer."""
    shorter = LEAD_INS.sub("", text)
    while shorter != text:
        text, shorter = shorter, LEAD_INS.sub("", shorter)
    return text


def contains(text: str, phrase: str) -> bool:
    """Return whether a normalized phrase occurs in a normalized text as complete words."""
    return bool(phrase) and f" {phrase} " in f" {text} "


def is_refusal(text: str) -> bool:
    """Return whether a response declines to answer."""
    return REFUSAL.search(text.replace("’", "'")) is not None
