"""Phrases that show that an answer is not about the image: refusals, and talk of annotations."""

import re

from visionflan.evaluate.metrics.normalization import is_refusal

MAX_REFUSAL_WORDS = 30  # a longer text that is unsure of something does describe the image
ANSWERED = re.compile(r"(?:yes|no),", re.IGNORECASE)  # `No, I cannot find one.`
FIRST_SENTENCE = re.compile(r".*?[.!?](?=\s|$)")
SOURCE = (
    r"(?:captions?|annotations?|bounding box(?:es)?|metadata|labels?|(?:textual )?descriptions?"
    r"|(?:image )?context|rows?|ground truth)"
)
KNOWN = r"(?:(?:given|provided|supplied|available|listed|above|human|image|image's|written) )*"
CONCLUDED = "follows?|known|clear|evident|inferred|derived|stated|mentioned|noted|given|confirmed"
SAYS = (
    r"(?:says?|states?|mentions?|describes?|indicates?|tells?|lists?|suggests?|specif(?:y|ies)"
    r"|notes?|confirms?|reveals?|provides?|do(?:es)? not|don't|doesn't|(?:is|are|was|were) (?:given"
    r"|provided))"
)
# Of a text in lower case: ignoring case takes twice the time.
TALK = re.compile(
    rf"\b(?:the|these|those|this|both|all|your|each|one|first|second) {KNOWN}{SOURCE} {SAYS}\b"
    rf"|\b(?:according to|based (?:only |solely )?on|judging by|going by|relying on|given"
    rf"|as (?:\w+ )?(?:in|by|from)) (?:the|these|those|this|all|your|its) {KNOWN}{SOURCE}\b"
    rf"|\baccording to (?:the|this|its|these|your) {KNOWN}"
    r"(?:questions?|answers?|information|data)\b"
    rf"|\b(?:the|this|each|one|first|second|third) {KNOWN}(?:captions?|annotations?)"
    r" (?:calls?|names?|gives?|speaks?|talks?|identif(?:y|ies)|refers?)\b"
    r"|\b(?:one|two|three|four|several|many|each|any) of (?:the|these|those|your)"
    r" (?:captions|annotations|descriptions|labels)\b"
    rf"|\b(?:{CONCLUDED}) (?:in|from|by) (?:the|this|these|its|your) {KNOWN}{SOURCE}\b"
    rf"|\b(?:see|find|read|learn) (?:in|from) (?:the|this|these|your) {KNOWN}"
    r"(?:data|rows?|context|information|captions?|annotations?|descriptions?)\b"
    r"|\b(?:information|data|details?|text|context|answers?)"
    r" (?:(?:that|which) (?:was|were|is|are|i was) )?(?:given|provided|supplied)\b"
    r"|\b(?:because|since|as) (?:the|its) (?:label|caption|annotation|description)s? (?:is|are)\b"
    r"|\bbox(?:es)? (?:around|of|for)\b[^.]*\b\d*\.\d"
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
    r"|\[\s*\d+(?:\.\d+)?(?:\s*,\s*\d+(?:\.\d+)?){3}\s*\]"
)
IMAGE = r"(?:image|picture|photo|photograph)"
# What only a model says that declines, wherever it stands.
DECLINES = re.compile(
    r"\b(?:as|i am|i'm) an? (?:ai|artificial|language model|text-based)\b"
    r"|\b(?:i|we)(?:'m| am| are)? (?:cannot|can't|can not|am unable to|unable to|not able to"
    r"|do not have the ability to|don't have the ability to|won't|will not)"
    r" (?:actually |directly |physically )?(?:see|view|access|open|process|assist|help|provide"
    r"|fulfill|generate|create|write|comply|answer|describe|identify|discuss|continue|do that)\b"
    r"|\bi(?:'m| am) (?:really |very |so )?sorry\b|\bi (?:must )?(?:apologi[sz]e|decline)\b"
    r"|\bi(?:'m| am) not (?:allowed|permitted|able) to\b|^(?:my |sincere )*apologies\b"
    rf"|\bno {IMAGE} (?:was|is|has been) (?:provided|attached|given|visible|available|included)\b"
    r"|\b(?:please|could you) (?:upload|attach|provide|share|send)(?: me)?"
    rf" (?:the|an?|your) {IMAGE}\b"
    rf"|\bi (?:do not|don't) (?:see|have) (?:an?|any|the) {IMAGE}\b"
    rf"|\bthe {IMAGE} (?:did not|didn't|does not|doesn't|failed to|could not|cannot|can't) (?:be )?"
    r"(?:load|open|display)(?:ed)?\b"
    r"|\bi(?: would|'d)? need (?:more|additional|further) (?:information|context|details?)\b"
    r"|\b(?:this|your|that) request (?:is|goes|falls|may|might|would|cannot|violates)\b"
    r"|\b(?:violat|against|outside)\w*\b[^.]*\b(?:usage|content|safety|community) polic(?:y|ies)\b"
    r"|\b(?:do not|don't|no longer) have (?:the ability|access|permission)\b|\bhave no access\b"
    r"|\bagainst my (?:guidelines|policy|policies|instructions)\b|\bi(?:'d| would) rather not\b"
    r"|^(?:sorry|unfortunately)[,!.]? (?:but )?(?:i|we|this|that)\b",
    re.IGNORECASE,
)


def find_talk(text: str) -> str:
    """Return the words that speak of captions, boxes or labels as if given; empty if none do."""
    match = TALK.search(straight(text).lower())
    return match[0] if match else ""


def find_refusal(text: str) -> str:
    """Return the words that decline to answer; empty if the text does not."""
    plain = straight(text)
    if match := DECLINES.search(plain):
        return match[0]
    match = FIRST_SENTENCE.match(plain)
    first = match[0] if match else plain
    is_short = len(plain.split()) <= MAX_REFUSAL_WORDS
    return first if is_short and is_refusal(first) and not ANSWERED.match(first) else ""


def straight(text: str) -> str:
    """Return a text on one line with straight apostrophes."""
    return " ".join(text.replace("\u2019", "'").split())
