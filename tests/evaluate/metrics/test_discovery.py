from pathlib import Path

import pytest

from visionflan.errors import UnknownNameError
from visionflan.evaluate import metrics
from visionflan.evaluate.metrics import METRICS, find_metrics
from visionflan.evaluate.scorer import metric_of

METRIC_FILE = '''"""Length: the share of a response in the longest one allowed."""

from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext


def score(answer: str, context: ScoringContext) -> ParsedAnswer:
    return ParsedAnswer(min(1.0, len(answer) / 10), answer)


METRIC = Metric(score, score, label="length", guessable=True)
'''


def test_a_metric_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "length.py").write_text(METRIC_FILE)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    found_metrics = find_metrics()
    assert found_metrics.keys() - METRICS.keys() == {"length"}
    assert found_metrics["length"].label == "length"


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no metric is named 'exact_mach': did you mean exa"):
        metrics.metric("exact_mach")
    with pytest.raises(UnknownNameError, match="named 'pop': did you mean pope"):
        metric_of("pop")
    with pytest.raises(UnknownNameError, match=r"named 'zzz': there is anls, .*, pope"):
        metric_of("zzz")


def test_only_metrics_that_can_be_guessed_have_a_closed_set_of_labels() -> None:
    guessable = {name for name, metric in METRICS.items() if metric.guessable}
    assert guessable == {"exact_match", "vqa_accuracy", "relaxed_accuracy", "anls"}
    assert {name for name, metric in METRICS.items() if not metric.bounded} == {"cider"}
    assert [n for n, metric in METRICS.items() if metric.needs_document_frequencies] == ["cider"]
