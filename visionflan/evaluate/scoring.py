"""Judge one answer: what every metric shares is decided here, the rest by the task's metric."""

from collections.abc import Mapping

from visionflan.evaluate.header import TaskHeader
from visionflan.evaluate.metrics import metric
from visionflan.evaluate.metrics.folding import is_refusal
from visionflan.evaluate.records import Record
from visionflan.evaluate.verdict import Frequencies, ParsingRule, Question, Verdict


def judge(
    name: str,
    answer: str,
    question: Question,
    rule: ParsingRule,
    *,
    cut: bool = False,
) -> Verdict:
    """Score an answer by a metric and a rule; `cut` says that the limit of tokens ended it.

    An answer without words scores nothing and says why; one that was cut is scored for what it
    says, but its status tells; one that scores nothing and declines to answer is a refusal. Where
    there are options the answer is a choice, whatever the metric of the task.
    """
    if not answer.strip():
        return Verdict(0.0, "", "truncated" if cut else "empty")
    chosen = metric("exact_match" if question.options else name)
    verdict = chosen.rule(rule)(answer, question)
    if cut:
        return verdict._replace(status="truncated")
    if not verdict.score and is_refusal(answer):
        return verdict._replace(status="refusal")
    return verdict


class Scorer:
    """Scores the records of an evaluation, knowing its tasks and the frozen frequencies."""

    def __init__(
        self, tasks: Mapping[str, TaskHeader], frequencies: Mapping[str, Frequencies]
    ) -> None:
        self.tasks, self.frequencies = tasks, frequencies

    def question(self, record: Record) -> Question:
        """Give what decides whether an answer to this item is right."""
        return Question(
            record.target,
            record.references,
            record.options,
            self.tasks[record.task].candidates,
            self.frequencies.get(record.task),
        )

    def scored(self, record: Record) -> Record:
        """Score a record by both rules; one without an answer stays missing data."""
        if record.error:
            return record._replace(
                parsed="", status="failed", score_official=None, score_lenient=None
            )
        cut = record.finish_reason == "length"
        question = self.question(record)
        official = judge(record.metric, record.answer, question, "official", cut=cut)
        rules = metric(record.metric)
        lenient = official
        if record.options or rules.official != rules.lenient:
            lenient = judge(record.metric, record.answer, question, "lenient", cut=cut)
        return record._replace(
            parsed=lenient.parsed,
            status=lenient.status,
            score_official=official.score,
            score_lenient=lenient.score,
        )

    def majority(self, record: Record) -> float | None:
        """Score the answer that training saw most, by the lenient rule."""
        if record.majority is None:
            return None
        return judge(record.metric, record.majority, self.question(record), "lenient").score
