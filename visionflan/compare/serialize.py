"""Convert a comparison to JSON values."""

from collections.abc import Mapping
from typing import Any

from visionflan.compare.results import Comparison

DIGITS = 6
P_VALUES = frozenset({"p", "p_holm", "mcnemar_p"})


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return all results but the answers, with each analysis under its name."""
    fields = comparison._asdict()
    del fields["pairs"], fields["analyses"]
    fields |= comparison.analyses
    return {**to_plain(fields), "pairs": len(comparison.pairs)}


def to_plain(value: Any, name: str = "") -> Any:
    """Convert a value to JSON types; p-values keep four significant digits, and so never are 0."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if name in P_VALUES else round(value, DIGITS) + 0.0
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, Mapping):
        return {key: to_plain(member, key) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(member) for member in value]
    return value
