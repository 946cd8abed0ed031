"""Phrases that show that an answer is not about the image: refusals, and talk of annotations."""

import re

from visionflan.evaluate.metrics.normalization import is_refusal

MAX_REFUSAL_WORDS = 30  # a longer text that is unsure of something does describe the image
FIRST_SENTENCE = re.compile(r".*?[.!?](?=\s|$)")
SOURCE = (
    r"(?:captions?|annotations?|bounding box(?:es)?|metadata|labels?|(?:textual )?descriptions?"
    r"|(?:image )?context|rows?|ground truth)"
)
KNOWN = r"(?:(?:given|provided|supplied|available|listed|above|human|image|image's|written) )*"
SAYS = (
    r"(?:says?|states?|mentions?|describes?|indicates?|tells?|lists?|suggests?|specif(?:y|ies)"
    r"|notes?|confirms?|reveals?|provides?|do(?:es)? not|don't|doesn't|(?:is|are|was|were) (?:given"
    r"|provided))"
)
TALK = re.compile(
    rf"\b(?:the|these|those|this|both|all|your|each|one|first|second) {KNOWN}{SOURCE} {SAYS}\b"
    rf"|\b(?:according to|based (?:only |solely )?on|judging by|going by|relying on|given"
    rf"|as (?:\w+ )?(?:in|by|from)) (?:the|these|those|this|all|your|its) {KNOWN}{SOURCE}\b"
    r"|\b(?:in|from|by|per) (?:the|these|those|this|your) (?:(?:given|provided|supplied|image) )*"
    r"(?:captions|annotations?|bounding box(?:es)?|metadata|ground truth)\b"
    r"|\b(?:in|from|on) (?:the|these|this|your) (?:given|provided|supplied|available|above)"
    r" (?:\w+ )?(?:captions?|information|text|data|details?|context|answers?|descriptions?|labels?"
    r"|questions?)\b"
    r"|\b(?:provided|given|supplied|available) (?:captions?|information|context|annotations?"
    r"|labels?|metadata|descriptions?|coordinates|data)\b"
    r"|\b(?:in|from|by|per) (?:the|this|your|these) (?:captions?|information|text|data|details?"
    r"|context|answers?|descriptions?|labels?) (?:provided|given|supplied|above)\b"
    r"|\b(?:all|both|most|some|none) (?:of the )?(?:captions|annotations|descriptions|rows)\b"
    r"|\b(?:the|image's|listed|given) (?:captions?|rows|answers|annotations?)"
    r" (?:above|reads?|include)\b"
    r"|\bthe dataset\b|\bi (?:was|am|have been) (?:told|given)\b|\byou (?:gave|told|provided)\b"
    r"|\bquestions?(?:[- ]and)?[- ]answer pairs?\b"
    r"|\bbounding[- ]box(?:es)?\b|\bground[- ]truth\b|\bannotat(?:ors?|ed|ions?)\b|\bmetadata\b"
    r"|\b(?:rows?|captions?|annotations?) (?:\d+|one|two|three)\b"
    r"|\bthe coordinates?\b(?! on| of the (?:map|globe))"
    r"|\[\s*\d+(?:\.\d+)?(?:\s*,\s*\d+(?:\.\d+)?){3}\s*\]",
    re.IGNORECASE,
)
# What only a model says that declines, wherever it stands.
DECLINES = re.compile(
    r"\bas an? (?:ai|artificial|language model|text-based)\b"
    r"|\b(?:i|we)(?:'m| am| are)? (?:cannot|can't|can not|am unable to|unable to|not able to"
    r"|do not have the ability to|don't have the ability to|won't|will not)"
    r" (?:actually |directly |physically )?(?:see|view|access|open|process|assist|help|provide"
    r"|fulfill|generate|create|write|comply|answer|describe|identify|discuss|continue|do that)\b"
    r"|\bi(?:'m| am) (?:really |very |so )?sorry\b|\bi (?:must )?(?:apologi[sz]e|decline)\b"
    r"|\bno image (?:was|is|has been) (?:provided|attached|given|visible|available|included)\b"
    r"|\b(?:please|could you) (?:upload|attach|provide|share|send)(?: me)? (?:the|an|your) image\b"
    r"|\bi (?:do not|don't) (?:see|have) (?:an|any|the) image\b"
    r"|\b(?:do not|don't|no longer) have (?:the ability|access|permission)\b|\bhave no access\b"
    r"|\bagainst my (?:guidelines|policy|policies|instructions)\b|\bi(?:'d| would) rather not\b"
    r"|^(?:sorry|unfortunately)[,!.]? (?:but )?(?:i|we|this|that)\b",
    re.IGNORECASE,
)


def find_talk(text: str) -> str:
    """Return the words that speak of captions, boxes or labels as if given; empty if none do."""
    match = TALK.search(straight(text))
    return match[0] if match else ""


def find_refusal(text: str) -> str:
    """Return the words that decline to answer; empty if the text does not."""
    plain = straight(text)
    if match := DECLINES.search(plain):
        return match[0]
    match = FIRST_SENTENCE.match(plain)
    first = match[0] if match else plain
    is_short = len(plain.split()) <= MAX_REFUSAL_WORDS
    return first if is_short and is_refusal(first) else ""


def straight(text: str) -> str:
    """Return a text on one line with straight apostrophes."""
    return " ".join(text.replace("\u2019", "'").split())
