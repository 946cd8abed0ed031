"""Make answers whose analysis is known: yes or no, in a format, or from a closed set."""

from tests.helpers.comparison_factory import scored_record
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record


def yes_no_record(answer: str, truth: str, item: int, margin: float | None = None) -> Record:
    """Answer a yes/no question; `margin` is the log-likelihood of yes less that of no."""
    return scored_record(
        float(answer == truth),
        item,
        target=truth,
        references=(truth,),
        candidates=("Yes", "No"),
        logprobs=() if margin is None else (margin, 0.0),
        response=answer,
        parsed_lenient=answer if answer in ("yes", "no") else "",
        metric="exact_match",
    )


def yes_no_records(hits: int, misses: int, alarms: int, rejections: int) -> list[Record]:
    """Answer yes/no questions, with so many answers of each kind."""
    predictions = ["yes"] * hits + ["no"] * misses + ["yes"] * alarms + ["no"] * rejections
    truths = ["yes"] * (hits + misses) + ["no"] * (alarms + rejections)
    both = zip(predictions, truths, strict=True)
    return [yes_no_record(answer, truth, item) for item, (answer, truth) in enumerate(both)]


def formatted_record(answer: tuple[float, bool, bool], item: int) -> Record:
    """Answer with a lenient score, in a format that the official and the lenient rule may read."""
    score, official, parsed = answer
    status: ParseStatus = "parsed" if parsed else "unparsed"
    return scored_record(
        score,
        item,
        f"c{item % 5}",
        metric="exact_match",
        score_official=score * official,
        status_lenient=status,
    )


def closed_record(
    answer: str, likelihood_score: float | None, item: int, status: ParseStatus = "parsed"
) -> Record:
    """Answer with one of a closed set, of which "cat" is right."""
    return scored_record(
        float(answer == "cat"),
        item,
        candidates=("cat", "dog", "frog"),
        parsed_lenient=answer,
        status_lenient=status,
        score_likelihood=likelihood_score,
        metric="exact_match",
    )
