import pytest

from visionflan.compare.conclusions import conclusion
from visionflan.compare.results import Difference

DEFAULT = Difference(
    scope="benchmark",
    name="pope",
    prompt_style="short",
    metric="accuracy",
    headline=True,
    rule="lenient",
    before=0.5,
    after=0.531,
    change=0.031,
    low=0.01,
    high=0.052,
    max=1.0,
    items=900,
    clusters=900,
    gained=1,
    lost=1,
    mcnemar_p=0.01,
    p=0.01,
    p_holm=0.02,
    min_detectable=0.04,
    conclusion="",
)
DOWN = {"change": -0.031, "low": -0.052, "high": -0.01}
UNSURE = {"change": -0.007, "low": -0.046, "high": 0.031, "p": 0.3, "p_holm": 1.0}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "better by 3.1 points (95 % CI +1.0 to +5.2)"),
        (DOWN, "worse by 3.1 points (95 % CI −5.2 to −1.0)"),
        (DOWN | {"headline": False, "p_holm": None}, "lower by 3.1 points (95 % CI −5.2 to −1.0)"),
        (
            DOWN | {"scope": "group", "headline": False},
            "worse by 3.1 points (95 % CI −5.2 to −1.0)",
        ),
        (
            {"p_holm": 0.2},
            "better by 3.1 points (95 % CI +1.0 to +5.2), not significant after correcting for the "
            "number of tasks",
        ),
        (
            DOWN | {"p": 0.07, "p_holm": 1.0},
            "worse by 3.1 points (95 % CI −5.2 to −1.0), but the test is not significant",
        ),
        (
            {"low": -0.01},
            "better by 3.1 points (95 % CI −1.0 to +5.2), but the interval includes zero",
        ),
        (UNSURE, "no significant change; could be anything from −4.6 to +3.1 points"),
        (
            UNSURE | {"low": -0.4, "high": 0.2},
            "too few items to tell; could be anything from −40.0 to +20.0 points",
        ),
        (
            UNSURE | {"low": -0.0004, "high": 0.0},
            "no significant change; could be anything from −0.04 to 0.0 points",
        ),
        ({"low": None, "high": None, "p": None, "p_holm": None}, "too few items to tell"),
        ({"change": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "p_holm": 1.0}, "no change"),
        (
            {"change": -47.0, "low": -90.0, "high": -4.0, "max": 2000.0},
            "worse by 47.0 points (95 % CI −90.0 to −4.0)",
        ),
        (
            {"change": 39.8, "low": 28.3, "high": 51.0, "max": None},
            "better by 39.8 points (95 % CI +28.3 to +51.0)",
        ),
    ],
)
def test_a_conclusion_names_the_change_and_what_remains_open(
    fields: dict[str, object], expected: str
) -> None:
    assert conclusion(Difference(**{**DEFAULT._asdict(), **fields})) == expected
