"""A build is decontaminated: planted copies of every benchmark are found and removed."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from visionflan import catalog
from visionflan.builder.decontamination.find import OVERLAP_PAGE, OVERLAPS
from visionflan.builder.decontamination.record import (
    decontaminated_against,
    decontamination_note,
)
from visionflan.builder.decontamination.references import (
    Decontamination,
    Reference,
    ReferenceItem,
    folder_reference,
)
from visionflan.builder.decontamination.words import MAX_TEXTS, WordSearch
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.summary import summary
from visionflan.cli.main import main
from visionflan.cli.shared.decontaminate_args import benchmark_reference
from visionflan.dataset_code import write_specimen
from visionflan.errors import BuildError
from visionflan.evaluate import benchmarks
from visionflan.image_files import decode_image
from visionflan.storage.directory import BuildDirectory

NAMES = [
    *("pope", "mme", "mmbench", "mmmu", "mm_vet", "llava_bench"),
    *("cifar10", "cifar100", "mnist", "miniimagenet"),
]
SETTINGS = BuildSettings(tasks=("caltech101/*",), hold_out_images=0.0)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Reference]:
    root = tmp_path_factory.mktemp("benchmarks")
    for name in NAMES:
        (root / name).mkdir()
        write = benchmarks.load(name).write_specimen
        assert write is not None
        write(root / name)
    return [benchmark_reference(name, root / name) for name in NAMES]


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    write_specimen("caltech101", catalog.load("caltech101"), tmp_path / "data/caltech101", 24)
    return tmp_path / "data"


def release_images(data_root: Path) -> list[Path]:
    paths = sorted((data_root / "caltech101").rglob("*.jpg"))
    return [path for path in paths if "BACKGROUND" not in str(path)]


def half_size(image: Image.Image) -> Image.Image:
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)))


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def overlaps(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / "decontamination.parquet").to_pylist()
    return rows


def test_planted_copies_of_all_benchmarks_are_removed(
    references: Sequence[Reference], data_root: Path, tmp_path: Path
) -> None:
    targets = release_images(data_root)
    for reference, target in zip(references, targets, strict=False):
        image = next(item.images[0] for item in reference.items if item.images)
        target.write_bytes(jpeg(decode_image(reference.load(image))))
    decontamination = Decontamination(references=references)
    manifest = build(data_root, tmp_path / "out", SETTINGS, decontamination=decontamination)
    matched = overlaps(tmp_path / "out")
    assert {row["benchmark"] for row in matched if row["removed"]} == set(NAMES)
    removed = {(row["task"], row["key"]) for row in matched}
    ledger = pq.read_table(tmp_path / "out/ledger.parquet").to_pylist()
    assert removed == {
        (row["task"], row["key"]) for row in ledger if row["reason"] == "benchmark_overlap"
    }
    instances = [
        row
        for path in (tmp_path / "out/instances").glob("*.parquet")
        for row in pq.read_table(path, columns=["task", "key"]).to_pylist()
    ]
    assert instances
    assert not removed & {(row["task"], row["key"]) for row in instances}
    assert manifest["totals"]["instances"] == len(instances)
    against = manifest["about"]["decontamination"]["against"]
    card = (tmp_path / "out/README.md").read_text()
    assert all(f"| `{r.name}` | `{r.digest}` |" in card for r in references)
    assert against == [{"name": r.name, "digest": r.digest} for r in references]


def test_smaller_and_mirrored_copies_are_found_and_report_only_keeps_the_digest(
    data_root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, path in enumerate(release_images(data_root)[:4]):
        image = decode_image(path.read_bytes())
        changed = ImageOps.mirror(image) if number % 2 else half_size(image)
        (folder / f"{number}.jpg").write_bytes(jpeg(changed))
    reference = folder_reference(folder)
    plain = build(data_root, tmp_path / "plain", SETTINGS)
    reported = build(
        data_root,
        tmp_path / "reported",
        SETTINGS,
        decontamination=Decontamination(references=[reference], report_only=True),
    )
    assert reported["digest"] == plain["digest"]
    matched = overlaps(tmp_path / "reported")
    assert {row["item"] for row in matched} == {"0.jpg", "1.jpg", "2.jpg", "3.jpg"}
    assert not any(row["removed"] for row in matched)
    line = f"overlapping with {reference.name}: {len(matched)} instances, of which "
    assert f"\n{line}none was removed\n" in summary(tmp_path, reported)
    clean = build(
        data_root,
        tmp_path / "clean",
        SETTINGS,
        decontamination=Decontamination(references=[reference]),
    )
    assert clean["digest"] != plain["digest"]
    assert f"\n{line}those for training were removed\n" in summary(tmp_path, clean)
    assert "overlapping" not in summary(tmp_path, plain)
    (tmp_path / "clean" / OVERLAP_PAGE).touch()
    updated = build(data_root, tmp_path / "clean", SETTINGS, update=True)
    assert updated["digest"] == plain["digest"]
    assert updated["files"] == plain["files"]
    assert not any((tmp_path / "clean" / name).exists() for name in (OVERLAPS, OVERLAP_PAGE))


def test_an_evaluation_says_what_the_training_data_were_decontaminated_against(
    data_root: Path, tmp_path: Path
) -> None:
    reference = Reference("pope", "digest", [], lambda _: b"")
    for name, decontamination in (
        ("plain", None),
        ("clean", Decontamination(references=[reference])),
        ("reported", Decontamination(references=[reference], report_only=True)),
    ):
        build(data_root, tmp_path / name, SETTINGS, decontamination=decontamination)
    builds = [BuildDirectory(tmp_path / name) for name in ("clean", "plain", "reported")]
    assert decontamination_note(builds, "pope", "digest") == (
        "training data, clean: decontaminated against pope; plain: no record of decontamination "
        "against pope; reported: only compared with pope, nothing was removed"
    )
    note = decontamination_note(builds[:1], "pope", "another digest")
    assert note == "training data, clean: decontaminated against other files of pope"
    note = decontamination_note(builds[:2], "mme", "digest")
    assert note == "training data, clean and plain: no record of decontamination against mme"
    assert [decontaminated_against(one) for one in builds] == [
        ["pope"],
        [],
        ["pope (only reported)"],
    ]


QUESTION = "What is the total number of red cars parked beside the old stone bridge today"


def word_reference(text: str) -> Reference:
    return Reference("words", "", [ReferenceItem("1", text, ())], lambda _: b"")


def matches(texts: Sequence[str]) -> list[int]:
    search = WordSearch([word_reference(QUESTION)])
    for index, text in enumerate(texts):
        search.add(index, text)
    return list(search.matches())


def test_thirteen_words_in_a_row_are_found_whatever_their_case_and_marks() -> None:
    texts = [f"Look: {QUESTION.upper()}?! three", QUESTION.partition(" beside")[0], "a dog"]
    assert matches(texts) == [0]


def test_a_run_in_many_training_texts_is_a_common_phrase() -> None:
    texts = [f"{QUESTION} {number}" for number in range(11)]
    assert matches(texts) == []
    assert matches(texts[:10]) == list(range(10))
    assert matches(texts[:1] * 50) == list(range(50))  # one text in many rows


def test_texts_with_a_common_phrase_do_not_stay_in_memory() -> None:
    search = WordSearch([word_reference(QUESTION)])
    for index in range(1000):
        search.add(index, f"{QUESTION} {index}")
    assert len(search.runs_by_text) <= MAX_TEXTS


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="contains no image file"):
        folder_reference(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [("pope", "does not exist"), ("poppe", "pope"), ("no/folder", "is not a directory")],
)
def test_bad_names_are_refused_before_anything_is_built(
    names: str, message: str, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["build", "--data-root", str(data_root), "--out", str(out)]
    assert main([*arguments, "--decontaminate", names]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()
