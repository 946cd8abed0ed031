"""Caption scores equal those computed by hand and those of the reference implementation."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.toy_questions import make_context, official
from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics import bleu_4, cider
from visionflan.evaluate.metrics.caption_tokenizer import caption_words
from visionflan.evaluate.records.document_frequencies import count_document_frequencies

# Captions of a few pictures by several people, and what was answered: right, short, long, wrong.
ANSWERED = [
    ("a red car on the road", ["a red car on a road", "the car is red", "red car, wet road"]),
    ("car", ["an old car", "somebody's car in a garage"]),
    ("two dogs run and run and run", ["two dogs run", "dogs run in the grass", "two wet dogs"]),
    ("a man rides a horse", ["a man rides a horse", "a horse and its rider"]),
    ("the the the the the", ["the cat on the mat", "a cat"]),
    ("nothing of it", ["three green bottles stand on a wall", "bottles"]),
    ("a cat isn't on the mat, is it?", ["the cat isn't on the mat", "no cat is on the mat"]),
    ("a very long answer of many words that no one else would have given here", ["a cup of tea"]),
]
WORD = st.sampled_from(["a", "red", "blue", "car", "dog", "on", "the", "road"])
CAPTIONS = st.lists(WORD, min_size=1, max_size=9).map(" ".join)
ITEMS = st.lists(
    st.tuples(CAPTIONS, st.lists(CAPTIONS, min_size=1, max_size=4)), min_size=1, max_size=6
)
Items = list[tuple[str, list[str]]]


def original(scorer: Any, items: Items) -> tuple[Any, Any]:
    """Score items with the reference implementation, on our tokens."""
    answers = {n: [tokenized(answer)] for n, (answer, _) in enumerate(items)}
    references = {n: list(map(tokenized, texts)) for n, (_, texts) in enumerate(items)}
    scores: tuple[Any, Any] = scorer.compute_score(references, answers)
    return scores


def tokenized(text: str) -> str:
    return " ".join(caption_words(text))


def test_caption_words_are_those_of_the_penn_treebank_without_marks() -> None:
    assert (
        tokenized("The man's dog doesn't bark, does it?") == "the man 's dog does n't bark does it"
    )
    assert tokenized("A T-shirt (red) for $3.88...") == "a t-shirt -lrb- red -rrb- for $ 3.88"


def test_cider_agrees_with_values_worked_by_hand() -> None:
    """Two pictures, one reference each, no word shared, so that every run weighs log 2.

    `red car` and its reference agree in words and pairs, and have no longer runs. `red bus` shares
    one of two words: cosine one half, and no pair. `red` alone is one word of two, and one pair
    shorter. In `red red car` the second `red` lengthens the answer and is clipped to the one there.
    """
    known = count_document_frequencies([["red car"], ["blue sky"]])

    def score(answer: str) -> float | None:
        return cider.score(answer, ScoringContext("", ("red car",), frequencies=known)).score

    assert score("red car") == pytest.approx(10 * (1 + 1) / 4)
    twice = 2 / math.sqrt(5 * 2) + 1 / math.sqrt(2)
    assert score("red red car") == pytest.approx(10 * twice / 4 * math.exp(-1 / 72))
    assert score("red bus") == pytest.approx(10 * 0.5 / 4)
    assert score("red") == pytest.approx(10 * (1 / math.sqrt(2)) / 4 * math.exp(-1 / 72))


def test_cider_knows_nothing_from_one_image_alone() -> None:
    known = count_document_frequencies([["a red car"]])
    assert (
        cider.score("a red car", ScoringContext("", ("a red car",), frequencies=known)).score == 0.0
    )


def test_cider_without_frequencies_is_refused() -> None:
    with pytest.raises(EvaluationError, match="frequencies"):
        cider.score("a car", make_context("a car"))


def test_rouge_takes_the_best_precision_and_the_best_recall_apart() -> None:
    assert official("rouge_l", "red car", "the red car there", "red car") == pytest.approx(1.0)
    assert official("rouge_l", "...", "?!") == pytest.approx(1.0)
    assert official("rouge_l", "...", "red car") == official("rouge_l", "red car", "...") == 0.0
    assert official("rouge_l", "red car", "red bus here") == pytest.approx(
        (1 + 1.44) * 0.5 * (1 / 3) / (1 / 3 + 1.44 * 0.5)
    )


def test_bleu_agrees_with_values_worked_by_hand() -> None:
    """Of `a red car on the road`, 5 of 6 words, 3 of 5 pairs, 2 of 4 threes, 1 of 3 fours agree."""
    together = 5 / 6 * 3 / 5 * 2 / 4 * 1 / 3
    assert official("bleu_4", "a red car on the road", "a red car on a road") == pytest.approx(
        together ** (1 / 4)
    )
    assert official("bleu_4", "a red car on", "a red car on the road") == pytest.approx(
        math.exp(1 - 6 / 4)
    )


def test_bleu_takes_the_reference_of_nearest_length_and_of_two_the_shorter() -> None:
    assert bleu_4.count("a b c d", ["a b", "a b c d e f g"]).reference_length == 2
    assert bleu_4.count("a b c d", ["a b c d e", "a b c"]).reference_length == 3


def test_bleu_counts_a_run_no_oftener_than_the_reference_that_has_it_most() -> None:
    counts = bleu_4.count("the the the the", ["the cat", "the dog and the cat"])
    assert counts.matches == (2, 0, 0, 0)
    assert counts.totals == (4, 3, 2, 1)


def test_bleu_of_an_answer_without_four_words_in_common_is_next_to_nothing() -> None:
    score = official("bleu_4", "a red car", "a red car")
    assert score == pytest.approx(1e-6 ** (1 / 4))
    assert official("bleu_4", "a red car here now", "a red car") == pytest.approx(
        (3 / 5 * 2 / 4 * 1 / 3 * 1e-15 / 2) ** (1 / 4)
    )


def combined(items: Items) -> float:
    """Compute BLEU-4 of the summed counts of all items."""
    counts = [bleu_4.count(*item) for item in items]
    return bleu_4.corpus_bleu(
        bleu_4.BleuCounts(
            tuple(map(sum, zip(*(item.matches for item in counts), strict=True))),
            tuple(map(sum, zip(*(item.totals for item in counts), strict=True))),
            sum(item.length for item in counts),
            sum(item.reference_length for item in counts),
        )
    )


def test_bleu_of_several_items_is_that_of_their_sums_and_not_their_mean() -> None:
    """Together 9 of 10 words, 6 of 8 pairs, 4 of 6 threes and 2 of 4 fours agree."""
    items = [("a b c d", ["a b c d"]), ("a red car on the road", ["a red car on a road"])]
    assert combined(items) == pytest.approx((9 / 10 * 6 / 8 * 4 / 6 * 2 / 4) ** (1 / 4))
    alone = [bleu_4.corpus_bleu(bleu_4.count(*item)) for item in items]
    assert sum(alone) / 2 != pytest.approx(combined(items), abs=0.01)


@settings(deadline=None)
@given(ITEMS)
def test_bleu_is_that_of_the_reference_implementation(drawn: Items) -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu", reason="pycocoevalcap is not installed")
    for items in (drawn, ANSWERED):
        together, alone = original(Quiet(bleu.Bleu(4)), items)
        for item, score in zip(items, alone[3], strict=True):
            assert official("bleu_4", item[0], *item[1]) == pytest.approx(score, abs=1e-12)
        assert combined(items) == pytest.approx(together[3], abs=1e-12)


class Quiet:
    """BLEU of the reference implementation, which prints unless it is silenced."""

    def __init__(self, scorer: Any) -> None:
        self.scorer = scorer

    def compute_score(self, references: Any, answers: Any) -> Any:
        return self.scorer.compute_score(references, answers, verbose=0)


@settings(deadline=None)
@given(ITEMS)
def test_cider_is_that_of_the_reference_implementation(drawn: Items) -> None:
    reference = pytest.importorskip(
        "pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed"
    )
    for items in (drawn, ANSWERED):
        _, alone = original(reference.Cider(), items)
        known = count_document_frequencies([references for _, references in items])
        for (answer, references), score in zip(items, alone, strict=True):
            context = ScoringContext("", tuple(references), frequencies=known)
            assert cider.score(answer, context).score == pytest.approx(score, abs=1e-12)


@settings(deadline=None)
@given(ITEMS)
def test_rouge_is_that_of_the_reference_implementation(drawn: Items) -> None:
    reference = pytest.importorskip(
        "pycocoevalcap.rouge.rouge", reason="pycocoevalcap is not installed"
    )
    for items in (drawn, ANSWERED):
        _, alone = original(reference.Rouge(), items)
        for (answer, references), score in zip(items, alone, strict=True):
            assert official("rouge_l", answer, *references) == pytest.approx(score, abs=1e-12)
