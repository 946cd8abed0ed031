from pathlib import Path

from visionflan.datasets import imagenet_c


def test_nineteen_corruptions_have_a_group_and_eleven_a_finer_task() -> None:
    assert len(imagenet_c.GROUP_OF) == 19
    assert set(imagenet_c.GROUP_OF.values()) == set(imagenet_c.GROUPS)
    finer = [*imagenet_c.BLUR, *imagenet_c.NOISE, *imagenet_c.WEATHER]
    assert len(finer) == len(set(finer)) == 11


def test_directories_with_and_without_the_group_give_the_same_rows(tmp_path: Path) -> None:
    imagenet_c.specimen(tmp_path / "grouped", 15)
    imagenet_c.specimen(tmp_path / "flat", 15)
    for group in imagenet_c.GROUPS:
        for folder in (tmp_path / "flat" / group).iterdir():
            folder.rename(tmp_path / "flat" / folder.name)
    grouped, flat = (list(imagenet_c.dataset.rows(tmp_path / form)) for form in ("grouped", "flat"))
    assert [row.key for row in grouped] == [row.key for row in flat]
    assert [row.corruption for row in grouped] == [row.corruption for row in flat]


def test_extra_corruptions_are_of_the_coarse_task_alone() -> None:
    row = imagenet_c.Row("gaussian_blur/1/n01440764/1.JPEG", Path("1.JPEG"), "gaussian_blur")
    example = imagenet_c.image_classification_general(row)
    assert example is not None
    assert example.target == "blur"
    assert imagenet_c.image_classification_blur(row) is None
