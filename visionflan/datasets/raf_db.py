"""RAF-DB: 15,339 faces with one of seven emotions, and the gender, race and age that people saw.

Layout: `basic/EmoLabel/list_patition_label.txt` with lines such as `train_00001.jpg 5`, pictures in
`basic/Image/original` or cut out in `basic/Image/aligned` (`train_00001_aligned.jpg`), and for each
a file `basic/Annotation/manual/train_00001_manu_attri.txt` with five lines of landmarks and one
each for gender, race and age group (Jasp012/EmotionReco, README.md, on what is annotated; the
loaders that carry the class name RafFaceDataset read just these files). The codes' meanings stand
in a training code that writes `multitask_rafdb.csv`, and agree with the one public sample of the
paper's data (train_04443: male, 4-19, Asian, Sadness). A copy without the folder `basic` is read
too. The misspelt name of the list is the owners'.

The set of compound emotions, in a folder of its own, has other pictures and is not read.

A face of the specimen is a key and not a likeness: its hat stands for the age group, the shape and
the color of its badge for gender and race, and a cartoon's expression for the emotion.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError
from visionflan.hashing import stable_hash
from visionflan.layouts import inside, is_folder, require, text_lines
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.faces import face, hat

EMOTIONS = {
    "1": "surprise",
    "2": "fear",
    "3": "disgust",
    "4": "happiness",
    "5": "sadness",
    "6": "anger",
    "7": "neutral",
}
GENDERS = {"0": "male", "1": "female", "2": "unsure"}
RACES = {"0": "Caucasian", "1": "African-American", "2": "Asian"}
AGES = {"0": "0-3", "1": "4-19", "2": "20-39", "3": "40-69", "4": "70 or older"}
LANDMARKS = 5


class Row(NamedTuple):
    key: str
    image: Path
    gender: str
    age: str
    race: str
    emotion: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="RAF-DB",
    homepage="http://www.whdeng.cn/raf/model1.html",
    license="research-only",
    terms="""
        For non-commercial research only. The images were found on the Internet and are not the
        property of the owners.
    """,
    citation="Li, Deng and Du (2017), Reliable Crowdsourcing and Deep Locality-Preserving Learning "
    "for Expression Recognition in the Wild, CVPR",
    obtain="""
        Ask the owners for the password as the homepage says, and unpack the directory basic here,
        with the original images in basic/Image/original or the aligned ones in basic/Image/aligned.
    """,
    tree="""
        basic/
            EmoLabel/list_patition_label.txt
            Annotation/manual/train_00001_manu_attri.txt
            Image/original/train_00001.jpg
            ...
    """,
    split_field="split",
    no_group="the release does not tell whose face an image shows",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = root / "basic" if is_folder(root / "basic") else root
    listed = text_lines(home / "EmoLabel" / "list_patition_label.txt")
    attributes = require(home / "Annotation" / "manual")
    for number, line in enumerate(listed, start=1):
        name, _, emotion = line.rpartition(" ")
        key = Path(name.strip()).stem
        try:
            noted = text_lines(inside(attributes, f"{key}_manu_attri.txt"))[LANDMARKS:]
            gender, race, age = noted
            words = GENDERS[gender], AGES[age], RACES[race], EMOTIONS[emotion]
        except (ReleaseError, ValueError, KeyError) as error:
            detail = f"line {number} of the list of emotions, or the image's attributes: {error}"
            yield BrokenRow(key or f"line {number}", "malformed_record", detail)
        else:
            yield Row(key, picture(home / "Image", key), *words)


def picture(folder: Path, key: str) -> Path:
    """Place the picture as it was found, or cut out where only those are there."""
    if is_folder(folder / "original"):
        return inside(folder / "original", f"{key}.jpg")
    return inside(folder / "aligned", f"{key}_aligned.jpg")


@dataset.task(
    """
    About forty people rated how this face looked to them. Give the following four things, in this
    order and separated by semicolons: the gender (male, female or unsure); the age in years (0-3,
    4-19, 20-39, 40-69, or 70 or older); the race (Caucasian, African-American or Asian); and the
    emotion (surprise, fear, disgust, happiness, sadness, anger or neutral).
    """,
    title="RAF-DB human emotion detection",
    official_name="RAF_DB+human_emotion_detection",
    category="Human Activity",
    metric="set_f1",
    sensitive=True,
    published_form='"The gender of the person is A. Their age range is B and their race is C. The '
    'emotion of the person in the image is D."',
)
def human_emotion_detection(row: Row) -> Example:
    return Example(image=row.image, target="; ".join((row.gender, row.age, row.race, row.emotion)))


HATS = ("red", "green", "blue", "orange", "black")
SHAPES = ("star", "square", "ring")
BADGES = ("purple", "red", "blue")
LOOKS = {"happiness": "happy", "sadness": "sad", "anger": "angry"}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home, lines = root / "basic", []
    for index in range(count):
        gender, race, age, emotion = (
            stable_hash("raf_db", index, name) % len(values)
            for name, values in (
                ("gender", GENDERS),
                ("race", RACES),
                ("age", AGES),
                ("", EMOTIONS),
            )
        )
        key = f"train_{index + 1:05d}" if index % 6 else f"test_{index + 1:04d}"
        image = drawn_key((gender, race, age, emotion), index)
        write_image(home / "Image" / "original" / f"{key}.jpg", image)
        noted = [*("40.0\t40.0" for _ in range(LANDMARKS)), *map(str, (gender, race, age))]
        write_lines(home / "Annotation" / "manual" / f"{key}_manu_attri.txt", noted)
        lines.append(f"{key}.jpg {emotion + 1}")
    write_lines(home / "EmoLabel" / "list_patition_label.txt", lines)


def drawn_key(codes: tuple[int, int, int, int], index: int) -> Image.Image:
    """Draw a cartoon's face under a hat that tells the age, over a badge that tells the rest."""
    gender, race, age, emotion = codes
    image = drawing.canvas("raf_db", index)
    box = drawing.jitter_box(drawing.FRAME.part(0.05, 0.02, 0.95, 0.98), "raf_db", index)
    pen = ImageDraw.Draw(image)
    head, name = box.part(0.2, 0.14, 0.8, 0.7), EMOTIONS[str(emotion + 1)]
    face(pen, head, LOOKS.get(name, name))
    hat(pen, head, drawing.COLORS[HATS[age]])
    drawing.shape(image, SHAPES[gender], BADGES[race], box.part(0.36, 0.72, 0.64, 1))
    return image
