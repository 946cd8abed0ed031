"""Print the measures of a benchmark."""

from collections.abc import Mapping
from typing import Any

RULES = ("official", "lenient", "likelihood")


def show_measures(told: Mapping[str, Any]) -> None:
    """Print each measure by each rule, with its interval, and what a reader must know."""
    about = [f"prompts in the style {told['style']}", told["version"]]
    print("; ".join(words for words in about if words))
    for note in told["notes"]:
        print(f"note: {note}")
    rows = {**told["measures"], **{f"({name})": row for name, row in told["controls"].items()}}
    width = max(map(len, rows))
    used = [rule for rule in RULES if any(rule in row for row in rows.values())]
    print(f"{'':{width}}", *(f"{rule:>10} {'95 % interval':>17}" for rule in used))
    for name, row in rows.items():
        print(f"{name:{width}}", *(figures(row.get(rule)) for rule in used))
    if why := told["headline"].get("why"):
        print(f"no headline: {why}")
    for what, shares in (("scored", told["coverage"]), ("understood", told["understood"])):
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
