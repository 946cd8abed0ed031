"""Places365: 1.8 million photos, or 8 million in the larger edition, of 365 kinds of places.

Layout: `places365_train_standard.txt` with lines such as `/a/airfield/00000001.jpg 0`,
`places365_val.txt` with `Places365_val_00000001.jpg 165`, the names of the numbers in
`categories_places365.txt`, and pictures in `data_256_standard` and `val_256`, or in
`data_large_standard` and `val_large` (pytorch/vision, torchvision/datasets/places365.py, which adds
`_standard` to the folder name of the archive; both are read). Where the list of the larger edition,
`places365_train_challenge.txt`, is there, it is read instead, since it holds the smaller one. The
test split has no labels.

Names: `/b/bazaar/indoor` is an "indoor bazaar", as most names are built; the table below has those
for which that is not English, whose apostrophe or capital is lost, or which are misspelt in the
release, and buildings that are there from outside alone (checked against all 365 categories in
CSAILVision/places365, IO_places365.txt).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, RGB, SIZE, WHITE
from visionflan.errors import ReleaseError
from visionflan.hashing import hash_fraction, stable_hash
from visionflan.layouts import (
    existing_paths,
    inside,
    is_folder,
    numbered_lines,
    require,
    text_lines,
)
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.places import draw_furnished_room, draw_objects

NAMES = {
    "apartment_building/outdoor": "apartment building",
    "archaelogical_excavation": "archaeological excavation",
    "artists_loft": "artist's loft",
    "bakery/shop": "bakery",
    "balcony/exterior": "balcony seen from outside",
    "balcony/interior": "balcony inside a building",
    "barndoor": "barn door",
    "butchers_shop": "butcher's shop",
    "cabin/outdoor": "cabin",
    "carrousel": "carousel",
    "childs_room": "child's room",
    "desert/sand": "sandy desert",
    "desert/vegetation": "desert with vegetation",
    "diner/outdoor": "diner",
    "doorway/outdoor": "doorway",
    "elevator/door": "elevator door",
    "fastfood_restaurant": "fast food restaurant",
    "gazebo/exterior": "gazebo",
    "hotel/outdoor": "hotel",
    "hunting_lodge/outdoor": "hunting lodge",
    "inn/outdoor": "inn",
    "japanese_garden": "Japanese garden",
    "kennel/outdoor": "kennel",
    "kindergarden_classroom": "kindergarten classroom",
    "moat/water": "moat filled with water",
    "mosque/outdoor": "mosque",
    "mountain_snowy": "snowy mountain",
    "oilrig": "oil rig",
    "shopfront": "shop front",
    "subway_station/platform": "subway station platform",
    "synagogue/outdoor": "synagogue",
    "temple/asia": "Asian temple",
    "train_station/platform": "train station platform",
    "underwater/ocean_deep": "deep ocean under water",
    "veterinarians_office": "veterinarian's office",
    "zen_garden": "Zen garden",
}
SIZES = ("256", "large")


class Row(NamedTuple):
    key: str
    image: Path
    name: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


class Part(NamedTuple):
    """A split: its name in the keys, its list, and where its pictures may be."""

    name: str
    listed: Path
    folders: list[Path]


dataset = Dataset[Row](
    title="Places365",
    homepage="http://places2.csail.mit.edu/download.html",
    license="unknown",
    citation="Zhou, Lapedriza, Khosla, Oliva and Torralba (2018), Places: A 10 million Image "
    "Database for Scene Recognition, IEEE Transactions on Pattern Analysis and Machine "
    "Intelligence",
    obtain="""
        Accept the terms on the homepage, download the file lists and the training and validation
        images of Places365-Standard, small or large, and unpack them here.
    """,
    tree="""
        categories_places365.txt
        places365_train_standard.txt
        places365_val.txt
        data_256_standard/a/airfield/00000001.jpg
        val_256/Places365_val_00000001.jpg
        ...
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    names = read_names(root)
    for part in parts(root):
        images = next(filter(is_folder, part.folders), part.folders[0])
        for _, line in numbered_lines(part.listed):
            picture, _, number = line.strip().rpartition(" ")
            key = f"{part.name}/{picture.lstrip('/')}"
            if number in names:
                yield Row(key, inside(images, picture), names[number])
            else:
                detail = f"{part.listed}: there is no category {number!r}"
                yield BrokenRow(key, "unknown_label", detail)


def parts(root: Path) -> list[Part]:
    """Find the lists: for training that of the larger edition where there are both."""
    splits_found = []
    lists = {path.name: path for path in (root / f"places365_{name}.txt" for name in ALL_LISTS)}
    there = {path.stem.removeprefix("places365_") for path in existing_paths(*lists.values())}
    edition = "challenge" if "train_challenge" in there else "standard"
    if f"train_{edition}" in there:
        folders = [root / f"data_{size}{end}" for end in (f"_{edition}", "") for size in SIZES]
        splits_found.append(Part("train", lists[f"places365_train_{edition}.txt"], folders))
    if "val" in there:
        folders = [root / f"val_{size}" for size in SIZES]
        splits_found.append(Part("val", lists["places365_val.txt"], folders))
    return splits_found


ALL_LISTS = ("train_standard", "train_challenge", "val")


LABELS_OF = {name: (label.replace("/", " "), label) for label, name in NAMES.items()}


def read_names(root: Path) -> dict[str, str]:
    """Read what each number in the lists stands for."""
    path = require(root / "categories_places365.txt")
    names = {}
    for number, line in enumerate(text_lines(path), start=1):
        category, _, label = line.rpartition(" ")
        if not label.isdecimal() or category.count("/") < 2:
            raise ReleaseError(f"{path}:{number} is not a category with its number: {line!r}")
        names[label] = spoken(category)
    return names


def spoken(category: str) -> str:
    """Convert a category such as `/a/athletic_field/outdoor` to everyday words."""
    bare = category.split("/", 2)[2]
    if bare in NAMES:
        return NAMES[bare]
    place, _, kind = bare.partition("/")
    return f"{kind} {place}".strip().replace("_", " ")


@dataset.task(
    """
    What kind of place is this? Name it in one to four words, as precisely as you can: "broadleaf
    forest" rather than "forest", and "sandy desert" rather than "desert". Put the word indoor or
    outdoor first if places of that name exist both indoors and outdoors.
    """,
    title="places365 scene classification",
    official_name="places365+Image_Classification",
    category="Scene Classification",
)
def image_classification(row: Row) -> Example:
    return Example(
        image=row.image,
        target=row.name,
        references=accepted_names(row.name, *LABELS_OF.get(row.name, ())),
    )


ROOMS = {
    "/b/bathroom": ("toilet", "sink"),
    "/b/bedroom": ("bed", "lamp"),
    "/d/dining_room": ("table", "chair"),
    "/k/kitchen": ("oven", "refrigerator"),
    "/l/living_room": ("sofa", "television"),
}
# The sky, the ground, and what stands on it.
OPEN_AIR: dict[str, tuple[RGB, RGB, tuple[str, ...]]] = {
    "/d/desert/sand": ((190, 220, 245), (235, 200, 120), ()),
    "/f/forest/broadleaf": ((130, 165, 120), (70, 110, 55), ("tree", "tree", "tree")),
    "/m/mountain_snowy": ((120, 170, 230), (245, 247, 250), ()),
    "/o/ocean": ((185, 215, 245), (35, 90, 175), ()),
    "/p/pasture": ((175, 210, 245), (110, 185, 80), ("cow", "sheep")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    categories = sorted((*ROOMS, *OPEN_AIR))
    numbered = [f"{category} {number}" for number, category in enumerate(categories)]
    write_lines(root / "categories_places365.txt", numbered)
    train, val = [], []
    for index in range(count):
        number = index % len(categories)
        category = categories[number]
        image = photo(category, index)
        if stable_hash("places365", index) % 5 == 4:
            name = f"Places365_val_{index + 1:08d}.jpg"
            write_image(root / "val_256" / name, image)
            val.append(f"{name} {number}")
        else:
            name = f"{category}/{index + 1:08d}.jpg"
            write_image(root / f"data_256_standard{name}", image)
            train.append(f"{name} {number}")
    write_lines(root / "places365_train_standard.txt", train)
    write_lines(root / "places365_val.txt", val)


def photo(category: str, index: int) -> Image.Image:
    """Draw a room with its furniture, or a landscape."""
    if category in ROOMS:
        return draw_furnished_room(ROOMS[category], "places365", index)
    sky, ground, things = OPEN_AIR[category]
    red, green, blue = (tone - stable_hash("places365", index, tone) % 24 for tone in sky)
    image = Image.new("RGB", (SIZE, SIZE), (red, green, blue))
    pen = ImageDraw.Draw(image)
    horizon = 0.4 + 0.2 * hash_fraction("places365", index, "horizon")
    pen.rectangle(FRAME.part(0, horizon, 1, 1), fill=ground)
    for wave in range(6 if category == "/o/ocean" else 0):
        x, y = (hash_fraction("places365", index, wave, axis) for axis in "xy")
        crest = FRAME.part(x - 0.1, horizon + (1 - horizon) * y, x + 0.1, 1)
        pen.line([crest.at(0, 0), crest.at(1, 0)], fill=WHITE, width=3)
    if category == "/d/desert/sand":
        dune = FRAME.part(-0.4 + 0.5 * horizon, horizon - 0.12, 0.6 + 0.5 * horizon, 1.2)
        pen.ellipse(dune, fill=(215, 175, 95))
        pen.ellipse(FRAME.part(0.7, 0.06, 0.9, 0.26), fill=COLORS["yellow"])
    if category == "/m/mountain_snowy":
        peak(pen, index, horizon)
    if things:
        draw_objects(image, things, "places365", index)
    return image


def peak(pen: ImageDraw.ImageDraw, index: int, horizon: float) -> None:
    """Draw a mountain of rock whose top is white."""
    x = 0.35 + 0.3 * hash_fraction("places365", index, "peak")
    slope = [(x - 0.5, horizon + 0.2), (x, 0.04), (x + 0.5, horizon + 0.2)]
    pen.polygon([FRAME.at(*point) for point in slope], fill=(105, 105, 120))
    share = 0.45
    top = [((1 - share) * x + share * px, (1 - share) * 0.04 + share * py) for px, py in slope]
    pen.polygon([FRAME.at(*point) for point in top], fill=WHITE)
