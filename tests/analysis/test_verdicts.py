import pytest

from tests.helpers.claims import claim_values, verdict
from visionflan.analysis.claims import Direction
from visionflan.analysis.verdicts import decide
from visionflan.errors import DefinitionError, UsageError


def test_a_verdict_agrees_with_hand_worked_values() -> None:
    result = verdict([0.25, 0.3, 0.35])
    assert result.mean == pytest.approx(0.3)
    assert result.sd == pytest.approx(0.05)
    margin = 4.302653 * 0.05 / 3**0.5
    assert result.low == pytest.approx(0.3 - margin, abs=1e-6)
    assert result.high == pytest.approx(0.3 + margin, abs=1e-6)
    assert result.p == result.p_holm == pytest.approx(0.0130723, abs=1e-6)
    assert (result.status, result.replicates, result.missing) == ("supported", 3, 0)
    assert (result.level, result.needed) == (0.95, None)


HIGH, SMALL, ZERO, LOW = ([x + d for d in (-0.01, 0.0, 0.01)] for x in (0.3, 0.026, 0.0, -0.3))


@pytest.mark.parametrize(
    ("direction", "values", "status"),
    [
        ("higher", HIGH, "supported"),
        ("higher", SMALL, "undecided"),
        ("higher", ZERO, "undecided"),
        ("higher", LOW, "contradicted"),
        ("lower", HIGH, "contradicted"),
        ("lower", ZERO, "undecided"),
        ("lower", LOW, "supported"),
        ("not_higher", HIGH, "contradicted"),
        ("not_higher", ZERO, "supported"),
        ("not_higher", LOW, "supported"),
    ],
)
def test_the_direction_decides_which_side_supports(
    direction: Direction, values: list[float | None], status: str
) -> None:
    assert verdict(values, direction).status == status


def test_claims_are_tested_together_step_by_step() -> None:
    clear, weak = [0.25, 0.3, 0.35], [0.28, 0.3, 0.32]
    nothing = [-0.1, 0.1, 0.2]
    study = [
        claim_values(clear, name="clear"),
        claim_values(weak, name="stronger"),
        claim_values(nothing, name="nothing"),
    ]
    first, second, third = decide(study)
    # The p-values are 0.0131 and 0.0021: the second one is rejected at 0.05 / 3, then the first.
    assert [second.level, first.level, third.level] == pytest.approx(
        [1 - 0.05 / 3, 1 - 0.05 / 2, 0.95]
    )
    assert [first.status, second.status, third.status] == ["supported", "supported", "undecided"]
    assert first.p_holm == pytest.approx(2 * 0.0130723, abs=1e-6)
    more = [claim_values(nothing, name=f"nothing-{index}") for index in range(3)]
    first, second, *others = decide([*study, *more])
    assert [first.status, second.status] == ["undecided", "supported"]
    assert [second.level, first.level] == pytest.approx([1 - 0.05 / 6, 1 - 0.05 / 5])
    assert {other.level for other in others} == {first.level}


def test_claims_that_are_not_testable_do_not_weaken_the_others() -> None:
    tested = claim_values([0.25, 0.3, 0.35])
    without = [
        claim_values([0.3], name="one-run"),
        claim_values([None, None], name="no-run"),
        claim_values([0.3, 0.31], name="no-judge")._replace(reason="no judge"),
    ]
    first, *others = decide([tested, *without])
    assert first == decide([tested])[0]
    assert [other.sentence for other in others] == [
        "Not testable (one run: no claim): “both” − “connector” is 0.300.",
        "Not testable (no run).",
        "Not testable (no judge).",
    ]
    for other in others:
        assert other.status == "not_testable"
        assert other.p is other.p_holm is other.low is other.high is other.level is None
        assert other.needed is None
    assert [other.mean for other in others] == [0.3, None, pytest.approx(0.305)]


@pytest.mark.parametrize("values", [[0.3, 0.3], [0.1 + 0.2, 0.3, 0.3], [0.0] * 5])
def test_equal_replicates_decide_nothing(values: list[float | None]) -> None:
    result = verdict(values, "higher", 0.0)
    assert (result.status, result.sd, result.p) == ("undecided", 0.0, 1.0)
    assert result.low is result.high is result.needed is None
    assert f" in each of {len(values)} replicates; where all are equal, nothing" in result.sentence


def test_equal_replicates_count_among_the_claims_tested_together() -> None:
    equal = claim_values([0.3, 0.3, 0.3], name="equal")
    assert decide([claim_values([0.25, 0.3, 0.35]), equal])[0].level == 0.975


def test_two_claims_of_one_name_are_refused() -> None:
    with pytest.raises(DefinitionError, match="2 claims are named 'both-parts'"):
        decide([claim_values([0.1, 0.2]), claim_values([0.3, 0.2])])


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(UsageError, match="choose a probability between 0 and 1"):
        decide([], alpha)


def test_a_study_without_claims_has_no_verdicts() -> None:
    assert decide([]) == []
