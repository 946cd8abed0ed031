"""Replace or complete the scores of rules by a judge's verdicts."""

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
    """Score records by the verdicts of one judge; return them and its name.

    Once a judge was asked, an answer that it has not scored is missing data, whatever score a rule
    would fall back on: verdicts and guesses are never mixed. Without a judge the scores stay.
    """
    ours = [judgment for judgment in judgments if judgment.rubric == rubric.name]
    if not ours:
        return list(records), ""
    name = judge_of(ours, rubric, judge)
    if name not in (known := sorted({judgment.judge for judgment in ours})):
        raise EvaluationError(
            f"{name} has judged none of these answers, but {', '.join(known)} has: name that judge "
            "with `--judge-model`, or judge the answers with `--judge`"
        )
    by_record = verdicts(ours, records, rubric, name)
    apply = score_all_by_judge if rubric.scope == "all" else score_unparsed_by_judge
    return [record if record.error else apply(record, by_record) for record in records], name


def score_all_by_judge(record: Record, by_record: Verdicts) -> Record:
    """Return a record with the judge's score under both rules."""
    verdict, status = find_verdict(record, by_record)
    return record._replace(
        scored_by="judge",
        status_lenient=status,
        status_official=status,
        score_official=verdict.score if verdict else None,
        score_lenient=verdict.score if verdict else None,
        reference_score=verdict.reference_score if verdict else None,
    )


def score_unparsed_by_judge(record: Record, by_record: Verdicts) -> Record:
    """Return a record with the judge's score under those rules that could not parse the answer."""
    verdict, status = find_verdict(record, by_record)
    score = verdict.score if verdict else None
    if needs_judge(record.response, record.status_lenient, record.parsed_lenient):
        record = record._replace(scored_by="judge", status_lenient=status, score_lenient=score)
    if needs_judge(record.response, record.status_official, record.parsed_official):
        record = record._replace(scored_by="judge", status_official=status, score_official=score)
    return record


def find_verdict(record: Record, by_record: Verdicts) -> tuple[JudgeScore | None, ParseStatus]:
    """Return the verdict on a record and the status that it means."""
    if record.key not in by_record:
        return None, "unjudged"
    verdict = by_record[record.key]
    return verdict, "parsed" if verdict else "judge_failed"
