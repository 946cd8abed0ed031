"""Dark Zurich: some thousand frames of drives through Zurich by day, at twilight and at night.

Layout: `rgb_anon/<split>/<time>/<drive>/<frame>_rgb_anon.png`, where split is train, val, val_ref,
test or test_ref, and time is day, twilight or night (open-mmlab/mmsegmentation,
configs/_base_/datasets/dark_zurich.py, for the validation set; dataset-ninja/dark-zurich,
src/convert.py, takes the time from the folder in all three archives, and names the license).
The archives may lie here side by side under their names, or unpacked into one folder. The time is
known of every picture, so all splits are read; what is kept back of the test split is another task.

The frames are of few drives, and those of one drive are alike and held out together; the three
times of a place come from different drives. `val_ref` and `test_ref`, the daytime views of the same
places, belong to their splits.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, RGB, SIZE, Box
from visionflan.drawing.icons import icon
from visionflan.hashing import hash_fraction, pick, stable_hash
from visionflan.layouts import existing_paths, is_image_file
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image

TIMES = {"day": "daytime", "twilight": "twilight", "night": "nighttime"}
ARCHIVES = ("Dark_Zurich_train_anon", "Dark_Zurich_val_anon", "Dark_Zurich_test_anon_withoutGt")


class Row(NamedTuple):
    key: str
    image: Path
    time: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)

    @property
    def drive(self) -> str:
        """Return the drive, whose daytime references have its name and `_ref`."""
        return self.image.parent.name.removesuffix("_ref")


dataset = Dataset[Row](
    title="Dark Zurich",
    homepage="https://www.trace.ethz.ch/publications/2019/GCMA_UIoU/",
    license="CC-BY-NC-4.0",
    citation="Sakaridis, Dai and Van Gool (2019), Guided Curriculum Model Adaptation and "
    "Uncertainty-Aware Evaluation for Semantic Nighttime Image Segmentation, ICCV",
    obtain="""
        Download Dark_Zurich_train_anon.zip, Dark_Zurich_val_anon.zip and, if you want it,
        Dark_Zurich_test_anon_withoutGt.zip through the homepage, and unpack them here.
    """,
    tree="""
        rgb_anon/
            train/day/GOPR0345_ref/GOPR0345_frame_000001_rgb_anon.png
            train/twilight/GOPR0348/GOPR0348_frame_000001_rgb_anon.png
            train/night/GOPR0351/GOPR0351_frame_000001_rgb_anon.png
            val/night/...
            val_ref/day/...
    """,
    split_field="split",
    group_field="drive",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = [root, *(root / archive for archive in ARCHIVES)]
    for home in existing_paths(*(home / "rgb_anon" for home in homes)):
        for folder in sorted(home.glob("*/*/*/")):
            for image in sorted(filter(is_image_file, folder.iterdir())):
                key, time = image.relative_to(home).as_posix(), folder.parent.name
                if time in TIMES:
                    yield Row(key, image, time)
                else:
                    yield BrokenRow(key, "unknown_label", f"{time!r} is not in {', '.join(TIMES)}")


@dataset.task(
    """
    This street in Zurich was filmed from a car. Was it daytime, twilight or nighttime? The sky, the
    streetlights and the windows give it away. Answer with one of the three words.
    """,
    title="Dark-Zurich time of the day classification",
    official_name="Dark-Zurich+time_classification",
    category="Scene Classification",
    published_form='"The time of the day is X."',
)
def time_classification(row: Row) -> Example:
    return Example(image=row.image, target=TIMES[row.time])


SKIES: dict[str, tuple[RGB, ...]] = {
    "day": ((150, 200, 250), (185, 215, 240), (205, 210, 215)),
    "twilight": ((190, 110, 120), (120, 90, 140), (210, 130, 80)),
    "night": ((8, 10, 28), (15, 15, 20), (20, 16, 36)),
}
LIGHTS = {"day": 1.0, "twilight": 0.45, "night": 0.2}
SPLITS = ("train", "train", "train", "val")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        time = list(TIMES)[index % len(TIMES)]
        split = SPLITS[stable_hash("dark_zurich", index, "split") % len(SPLITS)]
        drive = f"GOPR{345 + 10 * SPLITS.index(split) + index // len(TIMES) % 4:04d}"
        split = "val_ref" if split == "val" and time == "day" else split
        folder = root / "rgb_anon" / split / time / (f"{drive}_ref" if time == "day" else drive)
        write_image(folder / f"{drive}_frame_{index + 1:06d}_rgb_anon.png", street(time, index))


def street(time: str, index: int) -> Image.Image:
    """Draw a street between houses, lit as the time says."""
    light = LIGHTS[time]
    image = Image.new("RGB", (SIZE, SIZE), pick(SKIES[time], 1, "dark_zurich", index, "sky")[0])
    pen = ImageDraw.Draw(image)
    road = [FRAME.at(x, y) for x, y in ((0.42, 0.6), (0.58, 0.6), (1, 1), (0, 1))]
    pen.polygon(road, fill=lit((130, 130, 135), light))
    for side, left in enumerate((0.0, 0.62)):
        top = 0.15 + 0.3 * hash_fraction("dark_zurich", index, side)
        walls = (COLORS["orange"], COLORS["brown"], (200, 190, 170), COLORS["gray"])
        wall = pick(walls, 1, "dark_zurich", index, side, "wall")[0]
        house(pen, FRAME.part(left, top, left + 0.38, 0.85), lit(wall, light), time)
    if stable_hash("dark_zurich", index, "car") % 2:
        subject = Image.new("RGBA", image.size)
        icon(subject, "car", FRAME.part(0.3, 0.62, 0.7, 0.95), "red")
        image.paste(subject.convert("RGB").point(lambda tone: round(light * tone)), mask=subject)
    return image


def house(pen: ImageDraw.ImageDraw, box: Box, wall: RGB, time: str) -> None:
    """Draw a house whose windows are bright when it is dark outside."""
    pen.rectangle(box, fill=wall)
    for place in range(4):
        x, y = 0.15 + 0.45 * (place % 2), 0.12 + 0.4 * (place // 2)
        pane = BLACK if time == "day" else COLORS["yellow"]
        pen.rectangle(box.part(x, y, x + 0.25, y + 0.25), fill=pane)


def lit(color: RGB, light: float) -> RGB:
    red, green, blue = (round(light * part) for part in color)
    return red, green, blue
