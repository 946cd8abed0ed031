"""Print scores: of held-out tasks, of benchmarks by measure and rule, of suites."""

from collections.abc import Mapping
from typing import Any

from visionflan.cli.shared.dataset_args import print_json

COLUMNS = ("score", "official", "likelihood", "blank", "swapped", "chance", "majority")
RULES = ("official", "lenient", "likelihood")


def print_scores(scores: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print scores as JSON, or as one table for each phase and benchmark."""
    if as_json:
        print_json(scores[0] if len(scores) == 1 else scores)
        return
    for told in scores:
        if "suite" in told:
            show_suite(told)
            continue
        name = f"{told['title']}, " if "title" in told else ""
        print(
            f"\n{name}{told['phase']} ({told['checkpoint'][:12]}), {told['records']} answers",
            end="",
        )
        print(f", {told['failed']} failed ({told['first_error']})" if told["failed"] else "")
        if "metrics" in told:
            show_measures(told)
        else:
            show_tasks(told)


def show_tasks(told: dict[str, Any]) -> None:
    """Print the scores of held-out tasks beside their controls."""
    rows = {**told["groups"], **told["tasks"]}
    width = max(map(len, rows))
    print(f"{'':{width}}  {'score':>6} {'95 % interval':>15}", *(f"{c:>10}" for c in COLUMNS[1:]))
    for name, row in rows.items():
        print(f"{name:{width}}  {line(row)}")


def line(row: dict[str, Any]) -> str:
    """Give one row of the table; what has no meaning is a dash."""
    means = [f"{row[c]['mean']:.3f}" if row[c] else "-" for c in COLUMNS]
    score = row["score"]
    interval = "-"
    if score and score["low"] is not None:
        interval = f"{score['low']:.3f}..{score['high']:.3f}"
    return " ".join([f"{means[0]:>6}", f"{interval:>15}", *(f"{mean:>10}" for mean in means[1:])])


def show_measures(told: Mapping[str, Any]) -> None:
    """Print each measure by each rule, with its interval, and what a reader must know."""
    judge = f"judged by {told['judge']}" if told["judge"] else ""
    about = [f"prompts in the style {told['prompt_style']}", told["version"], judge]
    print("; ".join(words for words in about if words))
    for note in told["notes"]:
        print(f"note: {note}")
    if not any(rule in row for row in told["metrics"].values() for rule in RULES):
        print("only a judge can score this: `visionflan score RECORDS --judge URL` asks one")
        return
    rows = {**told["metrics"], **{f"({name})": row for name, row in told["controls"].items()}}
    width = max(map(len, rows))
    used = [rule for rule in RULES if any(rule in row for row in rows.values())]
    print(f"{'':{width}}", *(f"{rule:>10} {'95 % interval':>17}" for rule in used))
    for name, row in rows.items():
        print(f"{name:{width}}", *(figures(row.get(rule)) for rule in used))
    if why := told["headline"].get("reason"):
        print(f"no headline: {why}")
    for what, shares in (("scored", told["coverage"]), ("parsed", told["parse_rate"])):
        parts = [f"{share:.1%} {rule}" for rule, share in shares.items() if share is not None]
        print(f"{what}: {', '.join(parts)}" if parts else f"{what}: none")


def show_suite(told: Mapping[str, Any]) -> None:
    """Print the number that several benchmarks make together."""
    about = f"{told['suite']}, {told['phase']} ({told['checkpoint'][:12]})"
    print(f"\n{about}: mean over {', '.join(told['benchmarks'])}")
    for rule in (rule for rule in RULES if rule in told):
        print(f"{rule:<10} {figures(told[rule])}")


def figures(estimate: Mapping[str, Any] | None) -> str:
    """Give a value and its interval; a dash where there is none."""
    if estimate is None:
        return f"{'-':>10} {'-':>17}"
    low, high = estimate["low"], estimate["high"]
    interval = "-" if low is None else f"{number(low)}..{number(high)}"
    return f"{number(estimate['mean']):>10} {interval:>17}"


def number(value: float) -> str:
    """Give a number in as many digits as its size is worth."""
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:.1f}"
