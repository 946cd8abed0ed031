"""Answers are cached by everything that determines them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.tiny_evaluation import ToyModel, run_evaluation, tiny_build
from visionflan.errors import EvaluationError
from visionflan.evaluate.models.cached import CachedModel, pixels_digest
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn


class ToyLikelihood(NamedTuple):
    sum_logprob: float


class ScoringModel(ToyModel):
    """A toy model that also scores answers, by their length."""

    def __init__(self, digest: str = "scoring") -> None:
        super().__init__(digest)
        self.num_scored = 0

    def loglikelihood(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        candidates: Sequence[Sequence[str]],
    ) -> list[list[ToyLikelihood]]:
        self.num_scored += len(conversations)
        return [[ToyLikelihood(-len(text) / 3) for text in texts] for texts in candidates]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build", num_images=6)


def test_what_was_answered_is_not_generated_again_in_another_directory(
    build: BuildDirectory, tmp_path: Path
) -> None:
    first, second = ScoringModel(), ScoringModel()
    cache = tmp_path / "answers.sqlite"
    _, records = run_evaluation(
        build, tmp_path / "one", CachedModel(first, cache), loglikelihood=True
    )
    cached = CachedModel(second, cache)
    _, again = run_evaluation(build, tmp_path / "two", cached, loglikelihood=True)
    assert second.batches == []
    assert second.num_scored == 0
    assert cached.misses == 0
    assert cached.hits > 0
    assert again == records
    _, plain = run_evaluation(build, tmp_path / "three", ScoringModel(), loglikelihood=True)
    assert plain == records


def test_other_weights_at_the_same_path_miss_every_time(
    build: BuildDirectory, tmp_path: Path
) -> None:
    cache = tmp_path / "answers.sqlite"
    run_evaluation(
        build, tmp_path / "one", CachedModel(ScoringModel("old"), cache), loglikelihood=True
    )
    changed = CachedModel(ScoringModel("new"), cache)
    run_evaluation(build, tmp_path / "two", changed, loglikelihood=True)
    alone = CachedModel(ScoringModel("new"), tmp_path / "empty.sqlite")
    run_evaluation(build, tmp_path / "three", alone, loglikelihood=True)
    assert changed.misses == alone.misses > 0
    assert changed.hits == alone.hits


@pytest.mark.parametrize("what", ["prompt", "image", "limit"])
def test_another_prompt_image_or_setting_is_another_key(what: str, tmp_path: Path) -> None:
    model = ScoringModel()
    cached = CachedModel(model, tmp_path / "answers.sqlite")
    plain = Image.new("RGB", (48, 32), "white")
    turns = [Turn("user", "<image>\nDescribe it.")]
    cached.generate([turns], [[plain]], 8)
    cached.generate([turns], [[plain]], 8)
    assert cached.misses == 1
    other = plain.copy()
    other.putpixel((0, 0), (254, 255, 255))
    other_turns = [Turn("user", "<image>\nDescribe it!")]
    cached.generate(
        [other_turns if what == "prompt" else turns],
        [[other if what == "image" else plain]],
        9 if what == "limit" else 8,
    )
    assert cached.misses == 2


def test_a_batch_generates_only_what_is_new_and_keeps_its_order(tmp_path: Path) -> None:
    model = ScoringModel()
    cached = CachedModel(model, tmp_path / "answers.sqlite")
    plain = Image.new("RGB", (48, 32), "white")
    turns = [[Turn("user", f"<image>\nDescribe {number}.")] for number in range(4)]
    cached.generate(turns[1:3], [[plain]] * 2, 8)
    replies = cached.generate(turns, [[plain]] * 4, 8)
    assert model.batches == [2, 2]
    assert replies == ToyModel().generate(turns, [[plain]] * 4, 8)


def test_a_file_that_is_no_cache_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"this is no database, but long enough to be looked at" * 9)
    with pytest.raises(EvaluationError, match=r"answers\.sqlite is not a cache"):
        CachedModel(ToyModel(), path)


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
def test_images_of_other_sizes_have_other_digests(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    same = pixels_digest(Image.new("RGB", one)) == pixels_digest(Image.new("RGB", other))
    assert same == (one == other)
