"""Print the scores of held-out tasks, benchmarks and suites as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from visionflan.cli.shared.dataset_args import print_json
from visionflan.evaluate.aggregate.estimates import NO_INTERVAL
from visionflan.evaluate.conditions import controls
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.plural import counted

RULES = ("official", "lenient", "likelihood")
INTERVAL = "95 % CI"


def print_scores(scores: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print scores as JSON, or as one table for each evaluation and suite."""
    if as_json:
        print_json(scores[0] if len(scores) == 1 else scores)
        return
    for entry in scores:
        if "suite" in entry:
            print_suite(entry)
            continue
        print_title(entry)
        if "metrics" in entry:
            print_benchmark(entry)
        else:
            print_held_out(entry)


def print_title(scores: Mapping[str, Any]) -> None:
    """Print which checkpoint was evaluated on what, and how many requests failed."""
    title = f"{scores['title']}, " if "title" in scores else ""
    failed = f", {scores['failed']} failed ({scores['first_error']})" if scores["failed"] else ""
    print(f"\n{title}{model(scores)}, {counted(scores['records'], 'response')}{failed}")
    print(TrainingOverlap(**scores["overlap"]).describe())
    if reason := scores.get("no_likelihoods"):
        print(f"note: {reason}")


def model(scores: Mapping[str, Any]) -> str:
    """Return the stage and the start of the checkpoint digest."""
    return f"{scores['stage']} ({scores['checkpoint'][:12]})"


def print_held_out(scores: Mapping[str, Any]) -> None:
    """Print the scores of held-out tasks and their groups next to the controls."""
    rows = {**scores["groups"], **scores["tasks"]}
    width = max(map(len, rows))
    columns = held_out_columns()
    print(f"{'':{width}}  {'score':>6} {INTERVAL:>15}", *(f"{name:>10}" for name in columns[1:]))
    for name, row in rows.items():
        print(f"{name:{width}}  {held_out_row(row, columns)}")
    if "sensitivity" in scores:
        print_sensitivity(scores["sensitivity"])


def print_sensitivity(sensitivity: Mapping[str, Any]) -> None:
    """Print how much the scores depend on the phrasing of instructions."""
    mean, low, high = (sensitivity[name] for name in ("mean", "low", "high"))
    value = "not defined, since every score is 0" if mean is None else f"{mean:.3f}"
    interval = NO_INTERVAL if low is None else f"{INTERVAL} {low:.3f}..{high:.3f}"
    tasks = counted(len(sensitivity["tasks"]), "task")
    print(
        f"sensitivity to the phrasing: {value} ({interval}; {tasks}; "
        "deviation of the score over phrasings, relative to the mean)"
    )


def held_out_columns() -> list[str]:
    """Return the names of the scores of held-out tasks in `scores.json`."""
    conditions = [condition.name for condition in controls()]
    return ["score", "official", "likelihood", *conditions, "chance", "majority"]


def held_out_row(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Format one row of scores; a dash is a score that was not measured."""
    means = [f"{row[column]['mean']:.3f}" if row[column] else "-" for column in columns]
    score = row["score"]
    interval = NO_INTERVAL if score else "-"
    if score and score["low"] is not None:
        interval = f"{score['low']:.3f}..{score['high']:.3f}"
    return " ".join([f"{means[0]:>6}", f"{interval:>15}", *(f"{mean:>10}" for mean in means[1:])])


def print_benchmark(scores: Mapping[str, Any]) -> None:
    """Print each metric of a benchmark under each rule, with notes, coverage and parse rate."""
    judge = f"judge {scores['judge']}" if scores["judge"] else ""
    details = [f"prompt style {scores['prompt_style']}", scores["data_version"], judge]
    print("; ".join(text for text in details if text))
    for note in scores["notes"]:
        print(f"note: {note}")
    if not any(rule in row for row in scores["metrics"].values() for rule in RULES):
        print("this benchmark needs an LLM judge: run `visionflan score RECORDS --judge URL`")
        return
    rows = {**scores["metrics"], **{f"({name})": row for name, row in scores["controls"].items()}}
    width = max(map(len, rows))
    rules = [rule for rule in RULES if any(rule in row for row in rows.values())]
    print(f"{'':{width}}", *(f"{rule:>10} {INTERVAL:>17}" for rule in rules))
    for name, row in rows.items():
        print(f"{name:{width}}", *(estimate_text(row.get(rule)) for rule in rules))
    if reason := scores["headline"].get("reason"):
        print(f"no headline score: {reason}")
    for label, shares in (("scored", scores["coverage"]), ("parsed", scores["parse_rate"])):
        parts = [f"{share:.1%} {rule}" for rule, share in shares.items() if share is not None]
        print(f"{label}: {', '.join(parts)}" if parts else f"{label}: none")


def print_suite(scores: Mapping[str, Any]) -> None:
    """Print the average over several benchmarks."""
    title = f"{scores['suite']}, {model(scores)}"
    print(f"\n{title}: mean over {', '.join(scores['benchmarks'])}")
    for rule in (rule for rule in RULES if rule in scores):
        print(f"{rule:<10} {estimate_text(scores[rule])}")


def estimate_text(estimate: Mapping[str, Any] | None) -> str:
    """Format a value and its interval; a dash if there is none."""
    if estimate is None:
        return f"{'-':>10} {'-':>17}"
    low, high = estimate["low"], estimate["high"]
    interval = NO_INTERVAL if low is None else f"{number(low)}..{number(high)}"
    return f"{number(estimate['mean']):>10} {interval:>17}"


def number(value: float) -> str:
    """Format shares with three decimals, larger numbers with one."""
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:.1f}"
