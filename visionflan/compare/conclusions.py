"""Conclusions in words: from single differences, and the sentences of all analyses.

The sentences are data, in one place: a table for each analysis, by the directions of its evidence.
`{name}` is replaced by the verb of a piece of evidence, see `verb`.
"""

from collections.abc import Mapping

from visionflan.compare.evidence import WIDE, Direction, Evidence, sign
from visionflan.compare.results import Difference
from visionflan.compare.significance import ALPHA

UNDECIDED = "too few items"  # how every conclusion begins that the data cannot support
SMALL = 0.005  # points that two decimals do not show

# By (content, format); "changed" is either direction.
FORMAT_UNCLEAR = "Too few items to separate content from format."
FORMAT_SENTENCES = {
    ("changed", "changed"): "Content {content}, and format {format}.",
    ("changed", "same"): "Content {content}; no significant change of format.",
    ("same", "changed"): "Only format {format}; no significant change of content.",
    ("same", "same"): "Neither content nor format changed the score significantly.",
}

# By (sensitivity, bias).
BIAS_UNCLEAR = "Too few items, or only one kind of true answer, to separate bias from sensitivity."
BIAS_SENTENCES = {
    ("changed", "changed"): "Sensitivity {sensitivity}, and the bias {bias}.",
    ("changed", "same"): "Sensitivity {sensitivity}; no significant change of bias.",
    ("same", "changed"): "The bias {bias}; no significant change of sensitivity.",
    ("same", "same"): "Neither sensitivity nor bias changed significantly.",
}
SENSITIVITY_DISAGREES = (
    "The measures of sensitivity disagree: d′, from generated answers, {answers}; AUROC, from "
    "log-likelihoods, {loglikelihoods}."
)
BIAS_ALONE = {"changed": "The bias {bias}.", "same": "No significant change of bias."}

# By (knowledge, generated answers): the first row whose directions match, None matches any.
FORGETTING_WITHOUT_LOGPROBS = (
    "Without log-likelihoods, forgetting cannot be distinguished from rewording."
)
FORGETTING_UNCLEAR = "Too few items to tell: {numbers}."
FORGETTING_SENTENCES: tuple[tuple[Direction | None, Direction | None, str], ...] = (
    (-1, None, "Knowledge {knowledge}: {numbers}."),
    (None, -1, "Generated answers {answers}; no significant loss of knowledge: {numbers}."),
    (1, None, "Knowledge {knowledge}: {numbers}."),
    (None, None, "No significant loss of knowledge: {numbers}."),
)
FORGETTING_NUMBERS = (
    "by log-likelihood, {forgotten} items were forgotten and {learned} learned; of the {retained} "
    "still known, {reformatted} are now answered wrongly"
)

PROMPT_UNCLEAR = "Too few items to tell whether the change depends on the prompt style."
PROMPT_SAME = (
    "No significant dependence of the change on the prompt style; the difference could be "
    "anything from {low} to {high} points."
)
PROMPT_CHANGED = (
    "The change {is_or_may_be} {size} points (95 % CI {low} to {high}) more favorable under "
    "{better} than under {worse}."
)

# By direction and whether a test confirms it.
VERBS: Mapping[tuple[Direction | None, bool], str] = {
    (1, True): "improved",
    (1, False): "may have improved",
    (-1, True): "declined",
    (-1, False): "may have declined",
    (0, False): "did not change significantly",
}


def verb(evidence: Evidence) -> str:
    """Return what a score did, as far as the evidence shows."""
    return VERBS[evidence]


def changed_or_same(evidence: Evidence) -> str:
    """Return the key of evidence in the tables of sentences."""
    return "changed" if evidence.direction else "same"


def to_points(value: float, maximum: float | None) -> float:
    """Return a score or change in points: of 100 if the scale ends at 1, else as it is."""
    return value * (100.0 if maximum == 1.0 else 1.0)


def points(value: float, maximum: float | None) -> str:
    """Format a change in points with its sign; a small one has two decimals, and 0 no sign."""
    change = to_points(value, maximum)
    if abs(change) < SMALL:
        return "0.0"
    return (f"{change:+,.1f}" if abs(change) >= 10 * SMALL else f"{change:+.2f}").replace("-", "−")


def conclusion(difference: Difference) -> str:
    """Return whether the score changed, and by how much it may have."""
    p, low, high = difference.p, difference.low, difference.high
    if p is None or low is None or high is None:
        return f"{UNDECIDED} to tell"
    ends = " to ".join(points(end, difference.max) for end in (low, high))
    if low == high == 0:
        return "no change"
    size = points(abs(difference.change), difference.max).lstrip("+")
    change = f"{comparative(difference)} by {size} points (95 % CI {ends})"
    if is_significant(difference):
        return change
    if p < ALPHA or excludes_zero(difference):
        return f"{change}, {insignificance_reason(difference)}"
    if difference.max is not None and high - low > WIDE * difference.max:
        return f"{UNDECIDED} to tell; could be anything from {ends} points"
    return f"no significant change; could be anything from {ends} points"


def is_undecided(sentence: str) -> bool:
    """Return whether a conclusion says that there are too few items for one."""
    return sentence.casefold().startswith(UNDECIDED)


def is_significant(difference: Difference) -> bool:
    """Return whether the corrected test and the interval agree that a score changed."""
    p = difference.p if difference.p_holm is None else difference.p_holm
    return p is not None and p < ALPHA and excludes_zero(difference)


def insignificance_reason(difference: Difference) -> str:
    """Return why a change is not significant."""
    if not excludes_zero(difference):
        return "but the interval includes zero"
    if difference.p is None or difference.p >= ALPHA:
        return "but the test is not significant"
    return "not significant after correcting for the number of tasks"


def excludes_zero(difference: Difference) -> bool:
    """Return whether the interval of a change excludes zero."""
    if difference.low is None or difference.high is None:
        return False
    return sign(difference.low, difference.high) != 0


def comparative(difference: Difference) -> str:
    """Return the direction of a change.

    Further metrics of a benchmark, such as a yes rate, are not better when they are higher.
    """
    is_score = difference.headline or difference.scope != "benchmark"
    higher, lower = ("better", "worse") if is_score else ("higher", "lower")
    return lower if difference.change < 0 else higher
