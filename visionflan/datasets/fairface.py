"""FairFace: faces labeled with the age group, gender and race that annotators saw in them.

Layout: the owners' repository (joojs/fairface, README.md) offers one archive of images (padding
0.25 or 1.25) with the folders train and val, and two label files with the columns file, age,
gender, race and service_test; well-used training code keeps the label files beside `train/` or
leaves the images in a folder named after the archive. Both are read.

Known defect: in widely copied label files a spreadsheet has turned the age groups 3-9 and 10-19
into dates (`9-Mar`, `03-Sep`, `19-Oct`, `Oct-19`), as in the copies in tayo2910/gee and in
sumanvithaeadala/EthnicityDetection. These are turned back, and named as repaired.

A face of the specimen is a key and not a likeness: the color of its hat stands for the age group,
the shape of its badge for the gender, and the color of the badge for the race label.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import stable_hash
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
DATES = {
    "9-Mar": "3-9",
    "3-Sep": "3-9",
    "03-Sep": "3-9",
    "09-Mar": "3-9",
    "19-Oct": "10-19",
    "Oct-19": "10-19",
}
GENDERS = {"Female": "female", "Male": "male"}
RACES = {
    "Black": "Black",
    "East Asian": "East Asian",
    "Indian": "Indian",
    "Latino_Hispanic": "Latino or Hispanic",
    "Middle Eastern": "Middle Eastern",
    "Southeast Asian": "Southeast Asian",
    "White": "White",
}


class Row(NamedTuple):
    key: str
    image: Path
    age: str
    gender: str
    race: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="FairFace",
    homepage="https://github.com/joojs/fairface",
    license="CC-BY-4.0",
    citation="Kärkkäinen, Joo (2021), FairFace: Face Attribute Dataset for Balanced Race, Gender, "
    "and Age for Bias Measurement and Mitigation, WACV",
    obtain="""
        Follow the links of the homepage to the images (padding 0.25) and to the label files of the
        training and the validation set; unpack the images beside the label files.
    """,
    tree="""
        fairface_label_train.csv
        fairface_label_val.csv
        train/1.jpg
        val/1.jpg
    """,
    split_field="split",
    no_group="the release does not tell which faces are of one person",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    archives = ("fairface-img-margin025-trainval", "fairface-img-margin125-trainval")
    homes = [root, *(root / archive for archive in archives)]
    tables = [home / f"fairface_label_{split}.csv" for split in ("train", "val") for home in homes]
    for table in layouts.existing_paths(*tables):
        split = table.stem.rpartition("_")[2]
        home = next((home for home in homes if layouts.is_folder(home / split)), root)
        lines = enumerate(csv_rows(table, "file", "age", "gender", "race"), start=1)
        yield from read_records(table, lines, partial(read_line, home))


def read_line(home: Path, line: dict[str, str]) -> Row | BrokenRow:
    name, age, gender, race = (text(line, column) for column in ("file", "age", "gender", "race"))
    for value, known in ((age, {*AGES, *DATES}), (gender, GENDERS), (race, RACES)):
        if value not in known:
            return BrokenRow(name, "unknown_label", f"{value!r} is not a label of FairFace")
    return Row(name, layouts.inside(home, name), age, gender, race)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = ["file,age,gender,race,service_test"]
    genders, races = list(GENDERS), list(RACES)
    for index in range(count):
        age = stable_hash("fairface", index, "age") % len(AGES)
        gender = (index + age) % len(genders)
        race = stable_hash("fairface", index, "race") % len(races)
        name = f"train/{index + 1}.jpg"
        specimens.write_image(root / name, drawn_key(age, gender, race, index))
        lines.append(f"{name},{AGES[age]},{genders[gender]},{races[race]},False")
    specimens.write_lines(root / "fairface_label_train.csv", lines)


HATS = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "gray", "black")
BADGES = ("red", "green", "blue", "yellow", "purple", "orange", "black")


def drawn_key(age: int, gender: int, race: int, index: int) -> Image.Image:
    """Draw a plain face under a hat that tells the age, over a badge that tells the rest."""
    picture = drawing.canvas("fairface", index)
    pen = ImageDraw.Draw(picture)
    box = drawing.jitter_box(drawing.FRAME.part(0.1, 0.02, 0.9, 0.98), "fairface", index)
    pen.ellipse(box.part(0.18, 0.12, 0.82, 0.68), fill=(226, 214, 200), outline=drawing.BLACK)
    for x in (0.38, 0.62):
        pen.ellipse(box.part(x - 0.05, 0.4, x + 0.05, 0.47), fill=drawing.BLACK)
    pen.line([box.at(0.4, 0.58), box.at(0.6, 0.58)], fill=drawing.BLACK, width=2)
    hat = drawing.COLORS[HATS[age]]
    pen.rectangle(box.part(0.22, 0.0, 0.78, 0.28), fill=hat)
    pen.rectangle(box.part(0.04, 0.24, 0.96, 0.34), fill=hat)
    badge = ("star", "square")[gender]
    drawing.shape(picture, badge, BADGES[race], box.part(0.3, 0.68, 0.7, 1.0))
    return picture


@dataset.task(
    """
    This is a close portrait of one person. How old does the person look? Choose one of these age
    groups, in years: 0-2, 3-9, 10-19, 20-29, 30-39, 40-49, 50-59, 60-69, more than 70. Reply with
    the group alone.
    """,
    official_name="fairface+image_classification_age",
    title="Fairface human age classification",
    category="Facial Recognition",
    sensitive=True,
    published_form='"The person\'s age is X"',
)
def image_classification_age(row: Row) -> Example:
    repaired = ("age_written_as_date",) if row.age in DATES else ()
    return Example(image=row.image, target=DATES.get(row.age, row.age), repaired=repaired)


@dataset.task(
    """
    Annotators were shown this face and noted whether it seemed to belong to a female or a male
    person. Which of these two words did they write down?
    """,
    official_name="fairface+image_classification_gender",
    title="Fairface human gender classification",
    category="Facial Recognition",
    sensitive=True,
)
def image_classification_gender(row: Row) -> Example:
    return Example(image=row.image, target=GENDERS[row.gender])


@dataset.task(
    """
    This face belongs to a collection whose annotators sorted every photograph into one of seven
    groups by the race that they perceived: Black, East Asian, Indian, Latino or Hispanic, Middle
    Eastern, Southeast Asian, White. Give the name of the group that it was sorted into.
    """,
    official_name="fairface+image_classification_race",
    title="Fairface human race classification",
    category="Facial Recognition",
    sensitive=True,
)
def image_classification_race(row: Row) -> Example:
    return Example(image=row.image, target=RACES[row.race])
