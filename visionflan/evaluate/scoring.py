"""Judge one answer: what every metric shares is decided here, the rest by the task's metric."""

from visionflan.evaluate.metrics import metric
from visionflan.evaluate.metrics.folding import is_refusal
from visionflan.evaluate.verdict import Question, Rule, Verdict


def judge(name: str, answer: str, question: Question, rule: Rule, *, cut: bool = False) -> Verdict:
    """Score an answer by a metric and a rule; `cut` says that the limit of tokens ended it.

    An answer without words scores nothing and says why; one that was cut is scored for what it
    says, but its status tells; one that scores nothing and declines to answer is a refusal.
    """
    if not answer.strip():
        return Verdict(0.0, "", "truncated" if cut else "empty")
    verdict = metric(name).rule(rule)(answer, question)
    if cut:
        return verdict._replace(status="truncated")
    if not verdict.score and is_refusal(answer):
        return verdict._replace(status="refusal")
    return verdict
