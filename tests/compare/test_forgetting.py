from tests.helpers.comparison_factory import make_pairs, make_study
from tests.helpers.subset_answers import closed_record
from visionflan.compare.analyses.forgetting import Confusion, forgetting
from visionflan.compare.subsets import Subset


def test_forgotten_answers_are_distinguished_from_reworded_ones() -> None:
    before = [closed_record("cat", float(n < 9), n) for n in range(10)]
    after = [
        *(closed_record("dog", 0.0, n) for n in range(2)),
        *(closed_record("", 1.0, n, "unparsed") for n in range(2, 5)),
        closed_record("", 1.0, 5, "list_echo"),
        *(closed_record("cat", 1.0, n) for n in range(6, 10)),
    ]
    result = forgetting(Subset("a/b", "", make_pairs(before, after)), {})
    assert result
    counts = result.forgotten, result.learned, result.retained, result.reformatted
    assert counts == (2, 1, 7, 4)
    assert result.off_list.after.value == 0.3
    assert result.list_echo.change.value == 0.1
    assert result.confusions == (
        Confusion("cat", "(unparsed)", 0, 3),
        Confusion("cat", "dog", 0, 2),
        Confusion("cat", "(list echo)", 0, 1),
    )
    assert result.conclusion == (
        "Too few items to tell: by log-likelihood, 2 items were forgotten and 1 learned; of the 7 "
        "still known, 4 are now answered wrongly."
    )


def test_without_log_likelihoods_nothing_is_called_forgotten() -> None:
    before = [closed_record("cat", None, n) for n in range(4)]
    result = forgetting(Subset("a/b", "", make_pairs(before, before)), {})
    assert result
    assert (result.forgotten, result.retained, result.likelihood) == (None, None, None)
    assert result.conclusion.startswith("Without log-likelihoods, forgetting cannot be")
    assert forgetting(Subset("a/b", "", make_pairs(*make_study([1.0], [1.0]))), {}) is None
