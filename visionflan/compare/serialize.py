"""Give a comparison as plain numbers, for JSON."""

from collections.abc import Mapping
from typing import Any

from visionflan.compare.results import Comparison

DIGITS = 6
CHANCES = frozenset({"p", "p_holm", "mcnemar_p"})


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Give all that is told of a comparison but the answers themselves."""
    fields = comparison._asdict()
    del fields["pairs"], fields["analyses"]
    fields |= comparison.analyses
    return {**to_plain(fields), "pairs": len(comparison.pairs)}


def to_plain(value: Any, name: str = "") -> Any:
    """Give a value as JSON holds it, numbers rounded, chances never down to nothing."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if name in CHANCES else round(value, DIGITS) + 0.0
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, Mapping):
        return {key: to_plain(each, key) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    return value
