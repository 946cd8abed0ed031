"""Rows name the official split and the group that the release tells them to be of."""

import pickle
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import ReleaseError
from visionflan.specimens import write_json, write_lines, write_text

# The parts of 30 images of each specimen.
SPLITS = {
    "ai2d": {"train", "test"},
    "aokvqa": {"train", "validation"},
    "apy": {"test"},
    "cat2000": {"train"},
    "cinic10": {"train", "validation", "test"},
    "clevr": {"train", "validation"},
    "clevr_cogent": {"train", "validation"},
    "coco": {"train", "validation"},
    "concadia": {"train", "test"},
    "conceptual_captions": {"train", "validation"},
    "core50": {"train", "test"},
    "cova": {"train", "validation", "test"},
    "crisismmd": {"train", "validation", "test"},
    "crowdhuman": {"train", "validation"},
    "ctw1500": {"train", "test"},
    "cub200": {"train", "test"},
    "daquar": {"train", "test"},
    "dark_zurich": {"train", "validation"},
    "deepfashion": {"train", "validation", "test"},
    "deepweeds": {"train", "validation", "test"},
    "docvqa": {"train"},
    "domainnet": {"train", "test"},
    "dtd": {"train", "validation", "test"},
    "dvqa": {"train"},
    "exdark": {"train", "validation", "test"},
    "fairface": {"train"},
    "ffhq_text": {"train", "test"},
    "fgvc_aircraft": {"train", "validation", "test"},
    "flickr30k": {""},
    "flickr_logos_27": {"train", "test"},
    "food_logo_det_1500": {"train", "validation", "test"},
    "funsd": {"train", "test"},
    "geometry3k": {"train", "validation"},
    "gqa": {"train", "validation"},
    "gtsrb": {"train", "test"},
    "hico": {"train", "test"},
    "ibug_300w": {"test"},
    "iconqa": {"train"},
    "imagenet_a": {"test"},
    "imagenet_c": {"test"},
    "imagenet_r": {"test"},
    "imagenet_sketch": {"test"},
    "inaturalist": {"train", "validation"},
    "infographicvqa": {"train"},
    "jhu_crowd": {"train", "validation", "test"},
    "kvqa": {"train", "validation", "test"},
    "lad": {"train", "test"},
    "lfw": {"train", "test"},
    "localized_narratives": {"train", "validation"},
    "lsun": {"train", "validation", ""},
}
# What joins the rows, the number of groups of 30 images, and a row's group. Rows in no group count.
GROUPS = {
    "ai2d": ("diagram", 30, "0.png-0", "0.png"),
    "caltech101": ("photo", 30, "crab/image_0001.jpg", "crab/image_0001.jpg"),
    "concadia": ("article", 8, "1.jpg", "Boat"),
    "core50": ("video", 30, "s1/o1/C_01_01_000.png", "s1/o1"),
    "crisismmd": (
        "tweet_id",
        30,
        "srilanka_floods/917791044158185500_0",
        "srilanka_floods/917791044158185500",
    ),
    "dark_zurich": (
        "drive",
        6,
        "train/day/GOPR0345_ref/GOPR0345_frame_000013_rgb_anon.png",
        "GOPR0345",
    ),
    "docvqa": ("document", 30, "train/0", "page0000"),
    "expw": ("picture", 30, "drawn_face_30.jpg#1", "drawn_face_30.jpg"),
    "gtsrb": ("track", 10, "train/00001/00000_00001.ppm", "train/00001/00000"),
    "imagenet_c": (
        "photo",
        30,
        "zoom_blur/3/n04146614/ILSVRC2012_val_00000028.JPEG",
        "n04146614/ILSVRC2012_val_00000028.JPEG",
    ),
    "infographicvqa": ("document", 16, "infographic/train/0", ""),
}


def rows_of(name: str, root: Path) -> list[Any]:
    catalog.load(name).write_specimen(root, 30)
    return list(catalog.load(name).rows(root))


@pytest.mark.parametrize("name", SPLITS)
def test_a_specimen_has_the_parts_of_its_release(name: str, tmp_path: Path) -> None:
    rows = rows_of(name, tmp_path / name)
    assert {catalog.load(name).official_split(row) for row in rows} == SPLITS[name]


@pytest.mark.parametrize("name", GROUPS)
def test_a_row_names_what_is_held_out_with_it(name: str, tmp_path: Path) -> None:
    field, count, key, group = GROUPS[name]
    dataset = catalog.load(name)
    groups = {row.key: dataset.hold_out_group(row) for row in rows_of(name, tmp_path / name)}
    assert (dataset.group_field, len(set(groups.values()))) == (field, count)
    assert groups[key] == group


def split_by_key(name: str, root: Path) -> dict[str, str]:
    dataset = catalog.load(name)
    return {row.key: dataset.official_split(row) for row in dataset.rows(root)}


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("ai2d", "ai2d_test_ids.csv"),
        ("cova", "splits/Fold-1/*"),
        ("crisismmd", "crisismmd_datasplit_all/*"),
        ("cub200", "CUB_200_2011/train_test_split.txt"),
        ("deepweeds", "labels/*_subset0.csv"),
        ("dtd", "labels/*1.txt"),
        ("exdark", "imageclasslist.txt"),
        ("ffhq_text", "*.pkl"),
        ("food_logo_det_1500", "ImageSets/Main/*"),
        ("lad", "LAD_annotations/split_zsl.txt"),
        ("lfw", "peopleDev*.txt"),
    ],
)
def test_without_the_lists_of_the_split_rows_are_in_none(
    name: str, lists: str, tmp_path: Path
) -> None:
    keys = {row.key for row in rows_of(name, tmp_path)}
    removed = list(tmp_path.glob(lists))
    assert removed
    for path in removed:
        path.unlink()
    assert split_by_key(name, tmp_path) == dict.fromkeys(keys, "")


def test_the_archive_of_splits_of_crisismmd_may_have_a_directory_within(tmp_path: Path) -> None:
    rows_of("crisismmd", tmp_path)
    expected = split_by_key("crisismmd", tmp_path)
    lists = tmp_path / "crisismmd_datasplit_all"
    lists.rename(tmp_path / "inner")
    home = tmp_path / "CrisisMMD_v2.0" / "crisismmd_datasplit_all"
    home.mkdir()
    (tmp_path / "inner").rename(home / "crisismmd_datasplit_all")
    assert split_by_key("crisismmd", tmp_path) == expected
    assert set(expected.values()) == {"train", "validation", "test"}


def test_the_parts_of_the_mirror_of_daquar_come_from_its_lists(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    lines = ["what is on the desk in the image3 ?", "lamp", "what is it in the image4 ?", "bed"]
    write_lines(tmp_path / "all_qa_pairs.txt", lines)
    assert split_by_key("daquar", tmp_path) == {"all/0": "", "all/1": ""}
    write_lines(tmp_path / "train_images_list.txt", ["image3"])
    write_lines(tmp_path / "test_images_list.txt", ["image4"])
    assert split_by_key("daquar", tmp_path) == {"all/0": "train", "all/1": "test"}


def test_the_images_of_inaturalist_2017_are_divided_by_the_file_of_one_part(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_text(tmp_path / f"2017/Aves/Ardea alba/{name}.jpg", "")
    keys = ["2017/Aves/Ardea alba/a.jpg", "2017/Aves/Ardea alba/b.jpg"]
    assert split_by_key("inaturalist", tmp_path) == dict.fromkeys(keys, "")
    images = [{"file_name": "train_val_images/Aves/Ardea alba/b.jpg"}, 3, {"id": 1}]
    write_json(tmp_path / "val2017.json", {"images": images})
    expected = dict(zip(keys, ("train", "validation"), strict=True))
    assert split_by_key("inaturalist", tmp_path) == expected


def test_the_further_corruptions_are_for_validation(tmp_path: Path) -> None:
    for corruption in ("noise/gaussian_noise", "extra/speckle_noise"):
        write_text(tmp_path / corruption / "1/n01440764/ILSVRC2012_val_00000293.JPEG", "")
    dataset = catalog.load("imagenet_c")
    parts = [(dataset.official_split(r), dataset.hold_out_group(r)) for r in dataset.rows(tmp_path)]
    photo = "n01440764/ILSVRC2012_val_00000293.JPEG"
    assert parts == [("test", photo), ("validation", photo)]


def test_a_face_of_caltech_is_held_out_with_the_photograph_that_it_is_cut_from(
    tmp_path: Path,
) -> None:
    home = tmp_path / "101_ObjectCategories"
    for name in ("Faces/image_0001.jpg", "Faces_easy/image_0001.jpg", "Faces/image_0002.jpg"):
        write_text(home / name, "")
    dataset = catalog.load("caltech101")
    groups = [dataset.hold_out_group(row) for row in dataset.rows(tmp_path)]
    assert Counter(groups) == {"Faces/image_0001.jpg": 2, "Faces/image_0002.jpg": 1}


def test_no_session_of_core50_is_in_two_parts(tmp_path: Path) -> None:
    for session in range(1, 12):
        write_text(tmp_path / f"core50_128x128/s{session}/o41/C_{session:02d}_41_288.png", "")
    tests = {key for key, part in split_by_key("core50", tmp_path).items() if part == "test"}
    assert {key.partition("/")[0] for key in tests} == {"s3", "s7", "s10"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("funsd", {"train": 149, "test": 50}),
        ("concadia", {"validation": 300}),
        ("iconqa", {"train": 100}),
        ("geometry3k", {"train": 10}),
        ("caltech101", {"": 492}),
    ],
)
def test_the_parts_of_real_releases(shared: Path, name: str, counts: dict[str, int]) -> None:
    parts = split_by_key(name, shared / "real" / name)
    assert Counter(parts.values()) == counts


@pytest.mark.shared
def test_the_images_of_a_track_of_gtsrb_are_one_group(shared: Path) -> None:
    dataset = catalog.load("gtsrb")
    rows = list(dataset.rows(shared / "cases/readers/gtsrb-tracks/gtsrb"))
    groups = {dataset.hold_out_group(row) for row in rows}
    assert "" not in groups
    assert len(groups) < len(rows) / 4
    assert {Path(group).name.isdecimal() for group in groups} == {True}


def sides_of_tracks(data_root: Path, out: Path) -> dict[str, set[str]]:
    settings = BuildSettings(tasks=("gtsrb",), hold_out_images=0.1)
    build(data_root, out, settings, workers=1)
    sides = defaultdict(set)
    for path in (out / "instances").glob("*.parquet"):
        table = parquet.read_table(path, columns=["group", "split"])
        for row in table.to_pylist():
            sides[row["group"]].add(row["split"])
    sides.pop("", None)
    return sides


def test_no_track_of_a_build_is_on_both_sides(tmp_path: Path) -> None:
    rows_of("gtsrb", tmp_path / "data" / "gtsrb")
    sides = sides_of_tracks(tmp_path / "data", tmp_path / "out")
    assert len(sides) > 1
    assert [track for track in sides if len(sides[track]) > 1] == []


@pytest.mark.shared
def test_no_real_track_of_a_build_is_on_both_sides(shared: Path, tmp_path: Path) -> None:
    sides = sides_of_tracks(shared / "cases/readers/gtsrb-tracks", tmp_path / "out")
    assert Counter(map(len, sides.values())) == {1: 5}
    assert set.union(*sides.values()) == {"train", "held_out"}


class Command:
    """An object whose pickle writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return write_text, (self.path, "")


def test_a_pickled_list_is_read_and_never_run(tmp_path: Path) -> None:
    rows_of("ffhq_text", tmp_path)
    names = pickle.dumps(["images/00000.png", Command(tmp_path / "trace")])
    (tmp_path / "Train.pkl").unlink()
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "filenames.pickle").write_bytes(names)
    assert split_by_key("ffhq_text", tmp_path)["00000"] == "train"
    assert not (tmp_path / "trace").exists()
    (tmp_path / "Test.pkl").write_bytes(b"no pickle")
    with pytest.raises(ReleaseError, match=r"Test\.pkl is not a pickled list"):
        split_by_key("ffhq_text", tmp_path)


def test_the_first_of_five_folds_of_kvqa_counts(tmp_path: Path) -> None:
    picture = {"imgPath": "1.jpg", "Questions": ["Who?"], "Answers": ["Ada"], "wikiCap": "Ada"}
    folds: list[Any] = [[2, 3, 1, 1, 2], ["3"], [], None, [9], "1"]
    pictures = {f"{number}": {**picture, "split": fold} for number, fold in enumerate(folds)}
    write_json(tmp_path / "dataset.json", {**pictures, "6": picture})
    parts = split_by_key("kvqa", tmp_path)
    assert [parts[f"{number}/0"] for number in range(7)] == ["validation", "test", *5 * [""]]
    assert parts["0/caption"] == "validation"
