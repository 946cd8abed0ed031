"""Let a judge's verdicts decide what rules could not, or what only a judge can score."""

from collections.abc import Iterable, Mapping, Sequence

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.judgments import Judgment, judge_of, needs_judge, verdicts
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParseStatus
from visionflan.evaluate.records.record import Record

Verdicts = Mapping[tuple[str, str, str], JudgeScore | None]


def apply_verdicts(
    records: Sequence[Record], rubric: Rubric, judgments: Iterable[Judgment], judge: str = ""
) -> tuple[list[Record], str]:
    """Score records by the verdicts of one judge, and name it.

    Where a judge was asked, an answer that it has not scored is missing data, whatever a rule would
    fall back on: verdicts and guesses are never mixed. Without a judge, rules keep what they gave.
    """
    kept = [each for each in judgments if each.rubric == rubric.name]
    if not kept:
        return list(records), ""
    name = judge_of(kept, rubric, judge)
    if name not in (known := sorted({each.judge for each in kept})):
        raise EvaluationError(
            f"{name} has judged none of these answers, which {', '.join(known)} judged: name one "
            "of them with `--judge-model`, or have them judged with `--judge`"
        )
    found = verdicts(kept, records, rubric, name)
    by_scope = score_all_by_judge if rubric.scope == "all" else score_unparsed_by_judge
    return [record if record.error else by_scope(record, found) for record in records], name


def score_all_by_judge(record: Record, found: Verdicts) -> Record:
    """Give a record the judge's score by both rules."""
    reading, status = find_verdict(record, found)
    return record._replace(
        decided_by="judge",
        status=status,
        status_official=status,
        score_official=reading.score if reading else None,
        score_lenient=reading.score if reading else None,
        against=reading.against if reading else None,
    )


def score_unparsed_by_judge(record: Record, found: Verdicts) -> Record:
    """Give a record the judge's score by those rules that could not read the answer."""
    reading, status = find_verdict(record, found)
    score = reading.score if reading else None
    if needs_judge(record.answer, record.status, record.parsed):
        record = record._replace(decided_by="judge", status=status, score_lenient=score)
    if needs_judge(record.answer, record.status_official, record.parsed_official):
        record = record._replace(decided_by="judge", status_official=status, score_official=score)
    return record


def find_verdict(record: Record, found: Verdicts) -> tuple[JudgeScore | None, ParseStatus]:
    """Find what the judge said of an answer, or why it said nothing."""
    if record.place not in found:
        return None, "unjudged"
    reading = found[record.place]
    return reading, "parsed" if reading else "judge_failed"
