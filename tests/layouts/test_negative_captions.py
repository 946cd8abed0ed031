from hypothesis import given
from hypothesis import strategies as st

from visionflan.layouts.negative_captions import CaptionPool, content_words, may_share_captions

KINDS = ("person", "dog", "car", "cup", "kite")
WORDS = ("a", "the", "dog", "dogs", "red", "car", "cup", "sits", "flies", "old", "kite", "man")
captions_of = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(" ".join), max_size=3
)
pictures = st.lists(st.tuples(captions_of, st.sets(st.sampled_from(KINDS))), min_size=1, max_size=9)


@given(pictures, st.integers(0, 5))
def test_a_wrong_caption_is_of_other_things_and_in_other_words(
    drawn: list[tuple[list[str], set[str]]], count: int
) -> None:
    captions = dict(enumerate(own for own, _ in drawn))
    kinds = dict(enumerate(kinds for _, kinds in drawn))
    pool = CaptionPool(captions, kinds)
    for number, own in captions.items():
        wrong = pool.sample(number, count)
        assert wrong == pool.sample(number, count)
        assert len({caption.casefold() for caption in wrong}) == len(wrong) <= count
        own_words = {word for caption in own for word in content_words(caption)}
        for caption in wrong:
            assert 2 * len(content_words(caption) & own_words) < len(content_words(caption))
            sources = [other for other, theirs in captions.items() if caption in theirs]
            assert not all(may_share_captions(kinds[other], kinds[number]) for other in sources)


def test_persons_in_both_images_leave_the_rest_to_tell_them_apart() -> None:
    assert not may_share_captions({"person", "kite"}, {"person", "car"})
    assert may_share_captions({"person"}, {"person", "car"})
    assert may_share_captions({"person", "car", "kite"}, {"car"})
    assert not may_share_captions((), {"car"})


def test_content_words_do_not_mind_number_or_case() -> None:
    assert content_words("Two dogs on the Grass.") == content_words("a dog, grass")
    assert content_words("The red car is on it") == {"red", "car"}
