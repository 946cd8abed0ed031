"""Make answers whose panels a test knows: yes or no, in a form, or one of a closed set."""

from tests.helpers.comparison_factory import scored
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record


def spoken(said: str, truth: str, item: int, margin: float | None = None) -> Record:
    """Answer a question of yes or no."""
    return scored(
        float(said == truth),
        item,
        target=truth,
        references=(truth,),
        candidates=("Yes", "No"),
        logprobs=() if margin is None else (margin, 0.0),
        response=said,
        parsed_lenient=said if said in ("yes", "no") else "",
        metric="exact_match",
    )


def answers(hits: int, misses: int, alarms: int, rejections: int) -> list[Record]:
    """Answer questions of yes or no, so many of each kind."""
    said = ["yes"] * hits + ["no"] * misses + ["yes"] * alarms + ["no"] * rejections
    truth = ["yes"] * (hits + misses) + ["no"] * (alarms + rejections)
    return [spoken(*both, item) for item, both in enumerate(zip(said, truth, strict=True))]


def worded(given_answer: tuple[float, bool, bool], item: int) -> Record:
    """Answer rightly or not, in a form that each of the two rules takes or not."""
    score, official, parsed = given_answer
    status: ParseStatus = "parsed" if parsed else "unparsed"
    return scored(
        score,
        item,
        f"c{item % 5}",
        metric="exact_match",
        score_official=score * official,
        status_lenient=status,
    )


def classified(said: str, held: float | None, item: int, status: ParseStatus = "parsed") -> Record:
    """Say one of a closed set of answers, where a cat is right."""
    return scored(
        float(said == "cat"),
        item,
        candidates=("cat", "dog", "frog"),
        parsed_lenient=said,
        status_lenient=status,
        score_likelihood=held,
        metric="exact_match",
    )
