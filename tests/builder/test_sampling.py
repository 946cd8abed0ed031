"""Rows are sampled by hash alone: their order and number do not matter."""

from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionflan.builder.sampling import (
    SampledRow,
    TaskSampler,
    escape_surrogates,
    find_file_fault,
    relative_to_root,
)
from visionflan.dataset import Example, Task
from visionflan.hashing import stable_hash

TASK: Task[Any] = Task(
    name="ask",
    official_name="",
    title="",
    phrasings=("Ask.",),
    category="Perception",
    metric="exact_match",
    sensitive=False,
    to_example=lambda row: None,
)
EXAMPLE = Example(image=Path("a.jpg"), target="yes")

keys = st.lists(st.text(max_size=4), unique=True, max_size=60)


def sample(offered: list[str], cap: int, seed: int = 0) -> list[str]:
    sampler = TaskSampler("lab/ask", TASK, seed, cap)
    for key in offered:
        sampler.offer(SampledRow(key, "", "", EXAMPLE))
    assert sampler.usable == len(offered)
    return [candidate.key for candidate in sampler.candidates()]


@pytest.mark.parametrize(("named", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_in_another_form_of_unicode_is_explained(
    named: Literal["NFC", "NFD"], written: Literal["NFC", "NFD"], tmp_path: Path
) -> None:
    (tmp_path / normalize(written, "crème.jpg")).touch()
    path = str(tmp_path / normalize(named, "crème.jpg"))
    reason, detail = find_file_fault(path, str(tmp_path)) or ("", "")
    assert reason == "image_missing"
    assert detail.startswith(f"its name on disk is in the form {written} of Unicode")
    missing = find_file_fault(str(tmp_path / "é.jpg"), str(tmp_path))
    assert missing == ("image_missing", "No such file or directory")


@given(keys, st.integers(1, 20), st.integers(0, 3))
def test_the_lowest_hashes_are_sampled_in_their_order(
    offered: list[str], cap: int, seed: int
) -> None:
    expected = sorted(offered, key=lambda key: stable_hash(seed, "lab/ask", key))[:cap]
    assert sample(offered, cap, seed) == expected


@given(keys, st.integers(1, 20), st.randoms())
def test_the_order_of_the_rows_changes_nothing(offered: list[str], cap: int, rng: Any) -> None:
    mixed = list(offered)
    rng.shuffle(mixed)
    assert sample(mixed, cap) == sample(offered, cap)


@given(keys, keys, st.integers(1, 20))
def test_new_rows_only_displace(offered: list[str], added: list[str], cap: int) -> None:
    new = [key for key in added if key not in offered]
    before, after = sample(offered, cap), sample([*offered, *new], cap)
    assert [key for key in after if key in offered] == before[: cap - sum(k in new for k in after)]
    assert len(set(after)) == len(after) == min(cap, len(offered) + len(new))


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 20))
def test_rows_of_one_key_keep_the_order_of_the_reader(offered: list[str], cap: int) -> None:
    sampler = TaskSampler("lab/ask", TASK, 0, cap)
    examples = [Example(image=Path("a.jpg"), target=str(number)) for number in range(len(offered))]
    for key, example in zip(offered, examples, strict=True):
        sampler.offer(SampledRow(key, "", "", example))
    numbers = {key: [n for n, other in enumerate(offered) if other == key] for key in offered}
    for key, expected in numbers.items():
        sampled = [int(c.example.target) for c in sampler.candidates() if c.key == key]
        assert sampled == expected[: len(sampled)]


def test_files_are_named_from_the_data_root_on() -> None:
    assert relative_to_root("/data/lab/a.zip!b.jpg", Path("/data")) == "lab/a.zip!b.jpg"
    assert relative_to_root("/etc/passwd", Path("/data")) == "../etc/passwd"


def test_dots_that_stay_inside_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco/a.jpg").write_bytes(b"a")
    (tmp_path / "lab/b..jpg").write_bytes(b"b")
    assert find_file_fault(f"{tmp_path}/lab/../coco/a.jpg", str(tmp_path)) is None
    assert find_file_fault(f"{tmp_path}/lab/b..jpg", str(tmp_path)) is None
    outside = find_file_fault(f"{tmp_path}/lab/../../{tmp_path.name}2/a.jpg", str(tmp_path))
    assert outside is not None
    assert outside[0] == "image_outside_root"


def test_a_lone_surrogate_is_escaped_in_the_ledger() -> None:
    assert escape_surrogates("a\ud83db") == "a\\ud83db"
