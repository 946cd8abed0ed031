"""Fold what makes no difference to an answer's content: case, articles, marks, leading words."""

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
# What a chatty model says before the answer itself; each is dropped once, in any order.
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
    """Fold as SQuAD's script does: lower case, no punctuation, no articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def normalize_whitespace(text: str) -> str:
    """Fold case and runs of white space, and nothing else."""
    return " ".join(text.lower().split())


def normalize_words(text: str) -> str:
    """Fold to plain words, with number words written as digits and marks read as gaps."""
    straight = text.lower().replace("’", "'").replace("'", "")
    words = re.sub(r"[^\w\s.]|\.(?!\d)|_", " ", straight).split()
    kept = [NUMBER_WORDS.get(word, word) for word in words if word not in ("a", "an", "the")]
    return " ".join(kept or words)


def extract_answer(text: str) -> str:
    """Take the answer out of the words around it: `The answer is: a red bus.` gives `a red bus`."""
    marks = list(ANSWER_MARK.finditer(text))
    text = text[marks[-1].end() :] if marks else text
    line = without_lead_ins(text.strip().split("\n")[0].strip(" *\"'`"))
    said = EXPLANATION.split(SENTENCE_END.split(line, maxsplit=1)[0], maxsplit=1)[0]
    return said.strip(" *\"'`").removesuffix(".")


def without_lead_ins(text: str) -> str:
    """Drop what is said before the answer, one phrase after the other."""
    shorter = LEAD_INS.sub("", text)
    while shorter != text:
        text, shorter = shorter, LEAD_INS.sub("", shorter)
    return text


def contains(text: str, words: str) -> bool:
    """Whether folded words occur in a folded text, whole."""
    return bool(words) and f" {words} " in f" {text} "


def is_refusal(text: str) -> bool:
    """Whether the answer declines to answer."""
    return REFUSAL.search(text.replace("’", "'")) is not None
