"""Claims with values of replicates, for the tests of their verdicts."""

from collections.abc import Sequence
from typing import Any

from visionflan.analysis.claims import Claim, Direction, difference
from visionflan.analysis.verdicts import ClaimValues, Verdict, decide

DECLARED: dict[str, Any] = {
    "name": "both-parts",
    "sentence": "Tuning both parts gains more than tuning the connector alone.",
    "measure": "gap",
    "contrast": difference("both", "connector"),
}


def claim(direction: Direction = "higher", smallest: float = 0.05, **changes: Any) -> Claim:
    """Return a valid claim with some changes."""
    return Claim(**{**DECLARED, "direction": direction, "smallest": smallest, **changes})


def claim_values(
    values: Sequence[float | None],
    direction: Direction = "higher",
    smallest: float = 0.05,
    **changes: Any,
) -> ClaimValues:
    """Return a claim with the value of its contrast in each replicate."""
    return ClaimValues(claim(direction, smallest, **changes), values)


def verdict(
    values: Sequence[float | None],
    direction: Direction = "higher",
    smallest: float = 0.05,
    **changes: Any,
) -> Verdict:
    """Return the verdict on the only claim of a study."""
    (only,) = decide([claim_values(values, direction, smallest, **changes)])
    return only
