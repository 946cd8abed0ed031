"""The official splits and the groups to hold out together are those that the releases tell."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from visionflan import catalog
from visionflan.datasets import model_vs_human, okvqa, pacs, stanford_cars, stanford_dogs, vqa_rad
from visionflan.errors import UnusableError
from visionflan.layouts.matlab import write_matlab
from visionflan.specimens import write_json, write_lines, write_text

# How many rows of each official split a specimen of thirty images has.
SPLITS = {
    "memecap": {"train": 24, "test": 6},
    "mnist_m": {"train": 24, "test": 6},
    "mocheg": {"train": 10, "validation": 10, "test": 10},
    "mvtec_ad": {"train": 1, "test": 29},
    "nabirds": {"train": 16, "test": 14},
    "nocaps": {"validation": 30},
    "nus_wide": {"train": 15, "test": 15},
    "objectnet": {"test": 30},
    "ocr_vqa": {"train": 37, "validation": 38, "test": 38},
    "okvqa": {"train": 30},
    "pacs": {"train": 27, "validation": 3},
    "pickapic": {"train": 15, "test": 15},
    "places205": {"train": 21, "validation": 9},
    "places365": {"train": 25, "validation": 5},
    "plotqa": {"train": 150},
    "raf_db": {"train": 25, "test": 5},
    "raven": {"train": 18, "validation": 6, "test": 6},
    "recipeqa": {"train": 24, "validation": 6},
    "scicap": {"train": 30},
    "scienceqa": {"train": 19, "validation": 6, "test": 6},
    "semart": {"train": 10, "validation": 10, "test": 10},
    "senticap": {"train": 20, "validation": 20, "test": 20},
    "spot_the_diff": {"train": 30},
    "st_vqa": {"train": 50},
    "stanford_cars": {"train": 30},
    "stanford_dogs": {"train": 24, "test": 6},
    "stl10": {"train": 15, "test": 15},
    "tdiuc": {"train": 108},
    "textcaps": {"train": 23, "validation": 7},
    "total_text": {"train": 23, "test": 7},
    "viquae": {"train": 10, "validation": 10, "test": 10},
    "visda2017": {"train": 15, "validation": 15},
    "visdial": {"train": 23, "validation": 7},
    "visual7w": {"train": 18, "validation": 6, "test": 6},
    "vizwiz": {"train": 72, "validation": 18},
    "voc2007": {"train": 12, "validation": 11, "test": 7},
    "vqa_e": {"train": 92, "validation": 28},
    "vqa_rad": {"train": 57, "test": 10},
    "vqav2": {"train": 80},
    "vqg": {"train": 23, "validation": 7},
    "wikiart": {"train": 20, "validation": 10},
    "winoground": {"test": 30},
    "wit": {"train": 15, "validation": 15},
    "yoga82": {"train": 29, "test": 1},
}
UNDIVIDED = (
    *("memotion", "model_vs_human", "office31", "office_home", "redcaps", "road_anomaly", "set5"),
    *("tu_berlin_sketch", "visual_genome", "wikihow"),
)
# How many groups a specimen of thirty images has, and the group of its first row.
GROUPS = {
    "model_vs_human": (30, "truck-0"),
    "pacs": (1, ""),
    "pickapic": (29, "red bird, photo"),
    "recipeqa": (30, "apple-supper-0"),
    "scicap": (30, "1000.0001v1"),
    "semart": (30, "ANONYMOUS: house 0"),
    "set5": (5, "baby"),
    "viquae": (24, "Q1"),
    "visda2017": (16, "train/aeroplane/src_1_0"),
    "vqa_rad": (30, "https://medpix.nlm.nih.gov/case?id=0"),
    "wikihow": (6, "1000_draw-a-house"),
    "winoground": (15, "0"),
    "wit": (8, "https://en.wikipedia.org/wiki/Airplane"),
}


def splits(name: str, root: Path) -> dict[str, str]:
    """Return the official split of each row by its key."""
    dataset = catalog.load(name)
    return {row.key: dataset.official_split(row) for row in dataset.rows(root)}


def groups(name: str, root: Path) -> dict[str, str]:
    """Return the group of each row by its key."""
    dataset = catalog.load(name)
    return {row.key: dataset.hold_out_group(row) for row in dataset.rows(root)}


@pytest.mark.parametrize("name", SPLITS)
def test_rows_name_their_official_split(name: str, tmp_path: Path) -> None:
    catalog.load(name).write_specimen(tmp_path, 30)
    dataset = catalog.load(name)
    assert Counter(map(dataset.official_split, dataset.rows(tmp_path))) == SPLITS[name]


@pytest.mark.parametrize("name", UNDIVIDED)
def test_rows_of_an_undivided_release_name_no_split(name: str) -> None:
    dataset = catalog.load(name)
    assert not dataset.split_field
    assert re.fullmatch(r"the \w.*\w", dataset.no_split)


@pytest.mark.parametrize("name", GROUPS)
def test_rows_name_what_is_held_out_with_them(name: str, tmp_path: Path) -> None:
    catalog.load(name).write_specimen(tmp_path, 30)
    named = list(groups(name, tmp_path).values())
    assert (len(set(named)), named[0]) == GROUPS[name]


@pytest.mark.parametrize("name", sorted({*SPLITS, *UNDIVIDED} - {*GROUPS}))
def test_rows_without_a_group_have_a_reason(name: str) -> None:
    dataset = catalog.load(name)
    assert not dataset.group_field
    assert dataset.no_group


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("nabirds", "**/train_test_split.txt"),
        ("nus_wide", "ImageList/T*Imagelist.txt"),
        ("pacs", "*_kfold.txt"),
        ("stanford_dogs", "*_list.mat"),
        ("voc2007", "**/ImageSets/Main/*.txt"),
    ],
)
def test_without_its_lists_a_release_is_read_and_names_no_split(
    name: str, pattern: str, tmp_path: Path
) -> None:
    catalog.load(name).write_specimen(tmp_path, 8)
    before = splits(name, tmp_path)
    lists = list(tmp_path.glob(pattern))
    assert lists
    for path in lists:
        path.unlink()
    assert splits(name, tmp_path) == dict.fromkeys(before, "")


def test_trainval_of_voc2007_is_training_only_where_it_is_not_divided(tmp_path: Path) -> None:
    catalog.load("voc2007").write_specimen(tmp_path, 4)
    lists = tmp_path / "VOCdevkit/VOC2007/ImageSets/Main"
    expected = {"000001": "train", "000002": "validation", "000003": "train", "000004": "test"}
    assert splits("voc2007", tmp_path) == expected
    for name in ("train", "val", "test"):
        (lists / f"{name}.txt").unlink()
    assert splits("voc2007", tmp_path) == {**dict.fromkeys(expected, "train"), "000004": ""}


def test_the_folds_of_pacs_are_read_beside_the_images_too(tmp_path: Path) -> None:
    pacs.specimen(tmp_path, 9)
    before = splits("pacs", tmp_path)
    assert before["art_painting/elephant/pic_009.jpg"] == "validation"
    (tmp_path / "splits").mkdir()
    for path in tmp_path.glob("*_kfold.txt"):
        path.rename(tmp_path / "splits" / path.name)
    assert splits("pacs", tmp_path) == before


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("sketch/dog/n02103406_1011-1.png", "n02103406_1011"),
        ("sketch/dog/n02103406_1011-12.png", "n02103406_1011"),
        ("sketch/dog/n02103406_101-1.png", "n02103406_101"),
        ("sketch/dog/5281.png", ""),
        ("photo/dog/056_0001.jpg", ""),
    ],
)
def test_the_sketches_of_one_photograph_are_one_group(key: str, group: str) -> None:
    row = pacs.Row(key, Path("1.png"), "sketch", "dog")
    assert pacs.dataset.hold_out_group(row) == group


def test_the_lists_of_stanford_dogs_are_read_in_a_directory_of_their_own(tmp_path: Path) -> None:
    stanford_dogs.specimen(tmp_path, 10)
    before = splits("stanford_dogs", tmp_path)
    (tmp_path / "lists").mkdir()
    for path in tmp_path.glob("*_list.mat"):
        path.rename(tmp_path / "lists" / path.name)
    assert splits("stanford_dogs", tmp_path) == before
    assert Counter(before.values()) == {"train": 8, "test": 2}


def test_the_test_images_of_stanford_cars_are_known_in_both_packings(tmp_path: Path) -> None:
    stanford_cars.specimen(tmp_path / "divided", 2)
    devkit = tmp_path / "divided/devkit"
    labels = (devkit / "cars_train_annos.mat").read_bytes()
    (tmp_path / "divided/cars_test_annos_withlabels.mat").write_bytes(labels)
    assert splits("stanford_cars", tmp_path / "divided") == {
        "cars_train/00001.jpg": "train",
        "cars_train/00002.jpg": "train",
        "cars_test/00001.jpg": "test",
        "cars_test/00002.jpg": "test",
    }
    fields = [("relative_im_path", object), ("class", object), ("test", object)]
    records = np.array([("car_ims/1.jpg", 1, 0), ("car_ims/2.jpg", 1, 1)], dtype=fields)
    names = np.array(["Audi TT Hatchback 2011"], dtype=object).reshape(1, -1)
    content = {"annotations": records.reshape(1, -1), "class_names": names}
    write_matlab(tmp_path / "whole/cars_annos.mat", content)
    expected = {"car_ims/1.jpg": "train", "car_ims/2.jpg": "test"}
    assert splits("stanford_cars", tmp_path / "whole") == expected


def test_the_owners_of_ok_vqa_test_on_the_validation_images_of_coco() -> None:
    row = okvqa.Row("val2014/1", Path("1.jpg"), "", "", ())
    assert okvqa.dataset.official_split(row) == "test"


def test_the_phrase_type_tells_the_test_questions_of_vqa_rad(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    record = {"image_name": "a.jpg", "question": "Is it normal?", "answer": "Yes"}
    case = "https://medpix.nlm.nih.gov/case?id=5"
    records = [
        {**record, "qid": 1, "phrase_type": "freeform", "image_case_url": case},
        {**record, "qid": 2, "phrase_type": "test_freeform", "image_case_url": "NULL"},
        {**record, "qid": 3, "phrase_type": "test_para"},
        {**record, "qid": 4},
    ]
    write_json(tmp_path / vqa_rad.OWNERS_LIST, records)
    assert splits("vqa_rad", tmp_path) == {"1": "train", "2": "test", "3": "test", "4": ""}
    assert groups("vqa_rad", tmp_path) == {"1": case, "2": "", "3": "", "4": ""}


def test_a_split_that_ocr_vqa_does_not_have_is_named(tmp_path: Path) -> None:
    book = {"imageURL": "http://a.org/1.jpg", "questions": ["Who?"], "answers": ["Lee"], "split": 4}
    write_json(tmp_path / "dataset.json", {"1": book})
    with pytest.raises(UnusableError, match="split is '4'"):
        splits("ocr_vqa", tmp_path)


def test_a_detail_is_held_out_with_the_whole_painting(tmp_path: Path) -> None:
    columns = "IMAGE_FILE DESCRIPTION AUTHOR TITLE TECHNIQUE DATE TYPE SCHOOL TIMEFRAME"
    titles = {"1.jpg": "The Fair", "2.jpg": "The Fair (detail)", "3.jpg": "The Ford", "4.jpg": ""}
    lines = [columns.replace(" ", "\t")]
    lines += [
        f"{name}\ta\tBERG, Anna\t{title}\tOil\t1600\tgenre\tDutch\t1601-1650"
        for name, title in titles.items()
    ]
    write_text(tmp_path / "semart_test.csv", "\n".join(lines) + "\n", encoding="latin-1")
    assert groups("semart", tmp_path) == {
        "1.jpg": "BERG, Anna: The Fair",
        "2.jpg": "BERG, Anna: The Fair",
        "3.jpg": "BERG, Anna: The Ford",
        "4.jpg": "",
    }


def test_what_model_vs_human_made_of_one_image_is_one_group(tmp_path: Path) -> None:
    sources = {
        "colour/dnn/session-1/0001_cl_dnn_cr_oven_40_n04111531_14126.png": "n04111531_14126",
        "contrast/dnn/session-1/0007_cop_dnn_c50_oven_10_n04111531_14126.png": "n04111531_14126",
        "cue-conflict/airplane/airplane10-boat3.png": "airplane10",
        "edge/airplane/airplane10.png": "airplane10",
        "silhouette/airplane/airplane1.png": "airplane1",
    }
    for name in sources:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = groups("model_vs_human", tmp_path)
    assert found == {name.replace("dnn/", ""): source for name, source in sources.items()}
    assert all(
        model_vs_human.dataset.official_split(row) == ""
        for row in model_vs_human.dataset.rows(tmp_path)
    )


def test_renderings_of_one_model_are_one_group_and_cut_outs_are_none(tmp_path: Path) -> None:
    model = "aeroplane/src_1_02691156_1b0b1d2cb9f9d5c0575bd26acccafabd"
    write_lines(
        tmp_path / "train/image_list.txt",
        [f"{model}__10_10_150.png 0", f"{model}__180_236_165.png 0"],
    )
    write_lines(tmp_path / "validation/image_list.txt", ["plant/plant_20872.jpg 8"])
    assert list(groups("visda2017", tmp_path).values()) == [f"train/{model}"] * 2 + [""]
