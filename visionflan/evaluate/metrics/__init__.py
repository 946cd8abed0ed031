"""The metrics that a task can be judged by, one file each; all in one table here."""

from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import Metric
from visionflan.evaluate.metrics import (
    anls,
    bleu_4,
    character_accuracy,
    cider,
    exact_match,
    relaxed_accuracy,
    rouge_l,
    set_f1,
    vqa_accuracy,
)

METRICS: dict[str, Metric] = {
    "exact_match": Metric(
        exact_match.official,
        exact_match.lenient,
        diagnostics={"contains": exact_match.contained, "starts_with": exact_match.started},
    ),
    "vqa_accuracy": Metric(vqa_accuracy.official, vqa_accuracy.lenient),
    "anls": Metric(anls.official, anls.lenient),
    "relaxed_accuracy": Metric(relaxed_accuracy.official, relaxed_accuracy.lenient),
    "cider": Metric(cider.score, cider.score, bounded=False),
    "rouge_l": Metric(rouge_l.score, rouge_l.score),
    "bleu_4": Metric(bleu_4.score, bleu_4.score),
    "character_accuracy": Metric(
        character_accuracy.official,
        character_accuracy.lenient,
        diagnostics={
            "one minus CER, folded": character_accuracy.folded,
            "one minus NED, raw": character_accuracy.similar,
        },
    ),
    "set_f1": Metric(set_f1.official, set_f1.lenient),
}


def metric(name: str) -> Metric:
    """Give the metric of this name."""
    if name not in METRICS:
        raise EvaluationError(f"there is no metric {name!r}: use one of {', '.join(METRICS)}")
    return METRICS[name]
