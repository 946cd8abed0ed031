"""Laws that every verdict obeys, whatever the claims and their replicates."""

from dataclasses import replace
from math import inf, nan
from random import Random

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.helpers.claims import claim_values, verdict
from visionflan.analysis.claims import Direction
from visionflan.analysis.verdicts import ClaimValues, decide

DIRECTIONS: tuple[Direction, ...] = ("higher", "lower", "not_higher")


def spread_out(center: float, spread: float, steps: list[int | None]) -> list[float | None]:
    """Return values about a center, by steps of a thousandth of their spread."""
    return [None if step is None else center + spread * step / 1000 for step in steps]


# Values that are often far from a boundary, and often near it.
VALUES = st.builds(
    spread_out,
    st.sampled_from([-1.0, -0.2, 0.0, 0.1, 0.3, 1.0]),
    st.sampled_from([1e-3, 0.02, 0.1, 1.0]),
    st.lists(st.none() | st.integers(-1000, 1000), max_size=6),
)
CLAIMS = st.builds(
    claim_values, VALUES, st.sampled_from(DIRECTIONS), st.sampled_from([0.0, 0.05, 0.1, 0.3])
)


def named(entry: ClaimValues, name: str) -> ClaimValues:
    """Return a claim under another name."""
    return entry._replace(claim=replace(entry.claim, name=name))


STUDIES = st.lists(CLAIMS, min_size=1, max_size=4).map(
    lambda study: [named(entry, f"claim-{index}") for index, entry in enumerate(study)]
)


@given(STUDIES, st.sampled_from([0.05, 0.01, 0.3]))
def test_interval_and_verdict_agree(study: list[ClaimValues], alpha: float) -> None:
    for result in decide(study, alpha):
        if result.low is None or result.high is None:
            assert result.status in {"undecided", "not_testable"}
            continue
        low, high, smallest = result.low, result.high, result.claim.smallest
        above, below = low > smallest, high < smallest
        supported, contradicted = {
            "higher": (above, high < 0),
            "lower": (high < -smallest, low > 0),
            "not_higher": (below, above),
        }[result.claim.direction]
        assert (result.status == "supported") == supported
        assert (result.status == "contradicted") == contradicted
        assert result.p_holm is not None
        assert (result.p_holm < alpha) == (supported or contradicted)


@given(STUDIES)
def test_an_undecided_claim_needs_more_replicates_than_it_has(study: list[ClaimValues]) -> None:
    for result in decide(study):
        if result.needed is not None:
            assert result.status == "undecided"
            assert result.replicates < result.needed <= 200


# Of these, the square as a power was rounded otherwise than that of their quarters.
@example([claim_values([-1.0, -0.999984], smallest=0.0)], 0.25)
@given(STUDIES, st.sampled_from([2.0**-20, 0.25, 4.0, 2.0**20]))
def test_scaling_measures_scales_everything(study: list[ClaimValues], factor: float) -> None:
    scaled = [
        claim_values(
            [value if value is None else factor * value for value in entry.values],
            entry.claim.direction,
            factor * entry.claim.smallest,
            name=entry.claim.name,
        )
        for entry in study
    ]
    for before, after in zip(decide(study), decide(scaled), strict=True):
        assert (before.status, before.p_holm, before.level, before.needed) == (
            after.status,
            after.p_holm,
            after.level,
            after.needed,
        )
        for name in ("mean", "sd", "low", "high"):
            value = getattr(before, name)
            assert getattr(after, name) == (None if value is None else factor * value)


@given(STUDIES)
def test_the_mirrored_direction_mirrors_the_verdict(study: list[ClaimValues]) -> None:
    study = [entry for entry in study if entry.claim.direction != "not_higher"]
    mirrored = [
        claim_values(
            [value if value is None else -value for value in entry.values],
            "lower" if entry.claim.direction == "higher" else "higher",
            entry.claim.smallest,
            name=entry.claim.name,
        )
        for entry in study
    ]
    for before, after in zip(decide(study), decide(mirrored), strict=True):
        assert (before.status, before.p, before.needed) == (after.status, after.p, after.needed)
        assert before.low == (None if after.high is None else -after.high)


@given(CLAIMS)
def test_a_gain_that_is_supported_contradicts_that_there_is_none(entry: ClaimValues) -> None:
    values, smallest = list(entry.values), entry.claim.smallest
    gain, none = verdict(values, "higher", smallest), verdict(values, "not_higher", smallest)
    assert (gain.status == "supported") == (none.status == "contradicted")


@given(STUDIES, CLAIMS)
def test_another_claim_never_makes_an_interval_narrower(
    study: list[ClaimValues], another: ClaimValues
) -> None:
    for alone, together in zip(
        decide(study), decide([*study, named(another, "another")])[:-1], strict=True
    ):
        assert alone.mean == together.mean
        if alone.low is not None and alone.high is not None and alone.level is not None:
            assert together.low is not None
            assert together.high is not None
            assert together.level is not None
            assert together.level >= alone.level
            assert together.low <= alone.low
            assert together.high >= alone.high
        if together.status in {"supported", "contradicted"}:
            assert alone.status == together.status


@given(STUDIES, st.randoms(use_true_random=False))
def test_the_order_of_claims_and_replicates_does_not_matter(
    study: list[ClaimValues], random: Random
) -> None:
    order = random.sample(range(len(study)), len(study))
    shuffled = [
        study[index]._replace(values=random.sample(study[index].values, len(study[index].values)))
        for index in order
    ]
    results = decide(study)
    for index, result in zip(order, decide(shuffled), strict=True):
        expected = results[index]
        assert replace(result, values=expected.values) == expected


@given(STUDIES, st.integers(0, 3), st.sampled_from([None, nan, inf]))
def test_a_missing_replicate_is_counted_and_changes_nothing_else(
    study: list[ClaimValues], index: int, missing: float | None
) -> None:
    assume(index < len(study))
    entry = study[index]
    longer = [*study]
    longer[index] = entry._replace(values=[missing, *entry.values])
    before, after = decide(study)[index], decide(longer)[index]
    assert after.missing == before.missing + 1
    assert after.values == (None, *before.values)
    assert (after.status, after.p_holm, after.low) == (before.status, before.p_holm, before.low)
