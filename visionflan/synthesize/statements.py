"""What rows state of an image, and whether a text contradicts it: counts, presence and colors."""

import re
from typing import NamedTuple

from visionflan.evaluate.metrics.label_search import DENIED
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.synthesize.contexts import ContextRow

COLORS = "black|white|gray|grey|red|orange|yellow|green|blue|purple|pink|brown"
OBJECT = r"(?P<object>[a-z]+(?: [a-z]+){0,2}?)"
# The rest of a question, after the object that it asks about.
REST = r"(?: (?:are|is|can|do|does|in|on|at|visible|present|shown|here|there|you|near)\b.*)?$"
COUNT_QUESTION = re.compile(rf"^how many {OBJECT}{REST}")
PRESENCE_QUESTION = re.compile(
    r"^(?:is there|are there|do you see|can you see|does (?:this |image |photo |picture )+"
    rf"(?:show|contain|have|include)) (?:any |some )?{OBJECT}{REST}"
)
COLOR_QUESTION = re.compile(rf"^(?:what|which) colou?r (?:is|are|of|does) {OBJECT}(?: have)?{REST}")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# Words before an object that is not there, or that something only resembles.
UNREAL = re.compile(
    r"\b(?:no|not|without|never|neither|nor|n't|isnt|arent|doesnt|lack\w*|absen\w+|free of"
    r"|rather than|instead of|like|resembl\w+|reminds?|if|could|would|might|may|for"
    r"|imagined?|imagine|toy|waiting)\b"
)
# What precedes all that there are of an object, and not a part of it.
EXISTS = re.compile(
    r"\b(?:there (?:is|are)|shows?|has|have|contains?|features?|includes?|sees?|depicts?|with"
    r"|count)"
    r"(?: (?:exactly|only|about|total of))? $"
)
TOTAL = re.compile(r"\b(?:altogether|in total|in all|total|exactly|overall)\b")
# The number of an object behind it.
NUMBER_AFTER = (
    r"\bnumber of {noun} (?:is|equals|seems to be) (\d+)\b"
    r"|{noun} (?:is|are) (\d+)(?: in (?:number|total|all)\b|$)"
)
# Behind an object that is not there.
GONE = re.compile(
    r" (?:is|are|was|were|has been|have been) (?:missing|absent|nowhere|gone"
    r"|not (?:there|present|visible|shown|around|here|in))\b"
)
LACKS = r"(?:does not|do not|doesnt|dont|did not) (?:have|show|contain|include|feature)"
# Between an object and its color.
WHERE = "behind|in|on|near|next|beside|by|under|with|at|between|from|of|above|below|and|or"
IS = (
    r"(?:(?:which|that) )?(?:is|are|was|looks?|appears?|seems?|has been|have been|comes in)"
    rf"(?: (?!(?:{WHERE})\b|to (?!be\b))\w+){{0,2}}?"
    r"(?: (?:painted|dyed|sprayed|colored|dressed|covered) in| of(?: \w+)?)?"
)


class Statement(NamedTuple):
    """What a row says: an object with its number, its presence (yes or no) or its color."""

    aspect: str
    object: str
    value: str


def statement_of(row: ContextRow) -> Statement | None:
    """Return what a row states, if its question is of a form that is known."""
    question = normalize_words(row.question.splitlines()[-1] if row.question else "").rstrip("?")
    value = normalize_words(row.instance.target)
    forms = (
        ("count", COUNT_QUESTION, value.isdigit()),
        ("presence", PRESENCE_QUESTION, value in ("yes", "no")),
        ("color", COLOR_QUESTION, bool(re.fullmatch(COLORS, value))),
    )
    for aspect, pattern, is_valid in forms:
        if is_valid and (match := pattern.match(question.strip())):
            return Statement(aspect, singular(match["object"]), value)
    return None


def contradicts(text: str, statement: Statement) -> bool:
    """Return whether a sentence of a text contradicts a statement."""
    sentences = [normalize_words(part).rstrip(".!?") for part in SENTENCE_END.split(text)]
    if statement.aspect == "count":
        return any(has_other_count(part, statement) for part in sentences)
    if statement.aspect == "presence":
        return any(has_other_presence(part, statement) for part in sentences)
    is_colored = any(has_color(part, statement) for part in sentences)
    return any(has_other_color(part, statement, is_colored=is_colored) for part in sentences)


def has_other_count(sentence: str, statement: Statement) -> bool:
    """Return whether a sentence has more of an object, or states that there are fewer."""
    noun, count = noun_pattern(statement.object), int(statement.value)
    if match := re.search(rf"\bgroup of {noun} (?:has|consists of|counts) (\d+)", sentence):
        return int(match[1]) != count
    if match := re.search(NUMBER_AFTER.format(noun=noun), sentence):
        return int(match[1] or match[2]) != count
    if re.search(rf"\b{count} (?:[a-z]+ ){{0,2}}?{noun}", sentence):
        return False
    for match in re.finditer(rf"\b(\d+|no|not single) (?:[a-z]+ ){{0,2}}?{noun}", sentence):
        number = int(match[1]) if match[1].isdigit() else 0
        is_total = EXISTS.search(sentence[: match.start()]) or TOTAL.search(sentence)
        if number > count or number == 0 or is_total:
            return True
    return False


def has_other_presence(sentence: str, statement: Statement) -> bool:
    """Return whether a sentence shows an object that is absent, or denies one that is there."""
    noun = noun_pattern(statement.object)
    if statement.value == "yes":
        words = "(?: (?:any|single|visible|see|show|contain|sign|trace|of))*"
        denied = rf"\b(?:no|without|not|isnt|arent|{LACKS}){words} {noun}"
        matches = re.finditer(noun, sentence)
        return bool(re.search(denied, sentence)) or any(
            GONE.match(sentence, match.end()) for match in matches
        )
    return any(
        not (UNREAL.search(sentence[: match.start()]) or GONE.match(sentence, match.end()))
        for match in re.finditer(noun, sentence)
    )


def has_other_color(sentence: str, statement: Statement, *, is_colored: bool) -> bool:
    """Return whether a sentence gives an object another color.

    Where the text also has the object in its own color, another color before it may be that of a
    second object.
    """
    noun = noun_pattern(statement.object)
    match = re.search(rf"{noun} {IS} ({COLORS})\b", sentence)
    if match is None and not is_colored:
        match = re.search(rf"\b({COLORS}) {noun}", sentence)
    return (
        match is not None
        and match[1] != statement.value
        and not DENIED.search(f" {sentence[: match.start(1)]}")
    )


def has_color(sentence: str, statement: Statement) -> bool:
    """Return whether a sentence names an object and its own color."""
    noun = noun_pattern(statement.object)
    return bool(re.search(noun, sentence) and re.search(rf"\b{statement.value}\b", sentence))


def noun_pattern(noun: str) -> str:
    """Return a pattern of a noun in the singular or the plural."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}e?s"
    irregular = {"person": "people", "man": "men", "woman": "women", "child": "children"}
    return rf"\b(?:{noun}|{irregular.get(noun, plural)})\b"


def singular(noun: str) -> str:
    """Return a noun in the singular, by the regular endings of the plural."""
    known = {"people": "person", "men": "man", "women": "woman", "children": "child"}
    if noun in known:
        return known[noun]
    for ending, replaced in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + replaced
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us")) else noun
