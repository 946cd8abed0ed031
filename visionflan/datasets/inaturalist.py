"""iNaturalist: millions of photographs of living things, each with its place in the taxonomy.

The paper's page links to the competition of 2017, but the published examples (file names that are
UUIDs, common names, "Ray-finned Fishes") are of that of 2021, so both are read. Layout: the owners'
pages (visipedia/inat_comp, 2017/README.md and 2021/README.md) give the folders and the fields of a
category; torchvision (datasets/inaturalist.py) reads both years from the folders alone, as
`<number>_<kingdom>_..._<genus>_<epithet>` in 2021 and `<super category>/<species>` in 2017, and
renames the folders to `2021_train`, `2021_train_mini`, `2021_valid` and `2017`, which are read too.
Without annotations the names of the folders of 2021 serve, which have all but the common names.

Pictures are taken from the folders, whose names are those of the categories, since the annotations
of 2021 list 2.7 million pictures in one file; of these only the categories are needed, which are
the same in each file. `train_mini` is a part of `train`, and is read where that is not there. The
archive of 2017 is divided by `val2017.json`, which is read where it is there. Of 2017 there are no
common names, and only the ranks that follow from the names of the species and of those super
categories that are classes. "Animalia" holds the animals of no other super category.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import styled_icon
from visionflan.errors import UnusableError
from visionflan.layouts import class_folders, existing_paths
from visionflan.layouts.inaturalist import (
    CLASSES,
    GROUPS,
    RANKS,
    Category,
    Validation2017,
    parse_directory,
    read_categories,
)
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import birds as specimens_birds
from visionflan.specimens import write_image, write_json
from visionflan.specimens.imagenet import class_at


class Row(NamedTuple):
    key: str
    image: Path
    year: int
    supercategory: str
    species: str
    common_name: str
    ranks: dict[str, str]
    split: str = ""


dataset = Dataset[Row](
    title="iNaturalist",
    homepage="https://github.com/visipedia/inat_comp/tree/master/2017",
    license="non-commercial",
    terms="""
        The owners ask users to follow the terms of service of iNaturalist, to use the data only for
        non-commercial research and education, and not to redistribute the images.
    """,
    citation="Van Horn, Mac Aodha, Song, Cui, Sun, Shepard, Adam, Perona and Belongie (2018), The "
    "iNaturalist Species Classification and Detection Dataset, CVPR; Van Horn, Cole, Beery, "
    "Wilber, Belongie and Mac Aodha (2021), Benchmarking Representation Learning for Natural "
    "World Image Collections, CVPR",
    obtain="""
        For 2021 download the training (or mini) and validation images and annotations through the
        links on https://github.com/visipedia/inat_comp/tree/master/2021 and unpack them here; for
        2017 the training and validation images through the links on the homepage.
    """,
    tree="""
        train/ or train_mini/
            02912_Animalia_Chordata_Aves_..._<genus>_<epithet>/<uuid>.jpg
        val/
        val.json, train.json or train_mini.json
        train_val_images/Aves/<species>/<name>.jpg
    """,
    split_field="split",
    no_group="the annotations do not name the observation that an image is of",
)


# The directories of each part, as its archive has them and as torchvision renames them.
TRAIN, MINI = ("train", "2021_train"), ("train_mini", "2021_train_mini")
VAL, OLD = ("val", "2021_valid", "2021_val"), ("train_val_images", "2017")


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    full = any((root / name).is_dir() for name in TRAIN)
    training = dict.fromkeys(TRAIN, "train") if full else dict.fromkeys(MINI, "train_mini")
    parts = {**training, **dict.fromkeys(VAL, "val"), **dict.fromkeys(OLD, "")}
    for folder in existing_paths(*(root / name for name in parts)):
        if split := parts[folder.name]:
            yield from read_2021(folder, split)
        else:
            yield from read_2017(folder)


def read_2021(folder: Path, split: str) -> Iterator[Row | BrokenRow]:
    categories: dict[str, Category] = {}
    for entry in read_categories(folder.parent):
        if isinstance(entry, BrokenRow):
            yield entry
        else:
            categories[entry.directory] = entry
    for name, image, label in class_folders(folder):
        key = f"{split}/{name}"
        if category := categories.get(label) or parse_directory(label):
            _, species, common, group, ranks = category
            yield Row(key, image, 2021, group, species, common, ranks, split_of(split))
        else:
            yield BrokenRow(key, "unknown_label", f"no category has the folder {label!r}")


def read_2017(folder: Path) -> Iterator[Row | BrokenRow]:
    validation = Validation2017(folder.parent / "val2017.json")
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        ranks = {"class": group.name} if group.name in CLASSES else {}
        for name, image, species in class_folders(group):
            of_species = {**ranks, "genus": species.partition(" ")[0]}
            key = f"{folder.name}/{group.name}/{name}"
            split = validation.split_of(f"{group.name}/{name}")
            yield Row(key, image, 2017, group.name, species, "", of_species, split)


@dataset.task(
    """
    Which living thing is in this photograph? Write its common English name first and then, in
    parentheses, its scientific name of two words, for example "Plains Zebra (Equus quagga)".
    """,
    official_name="INATURALIST+latin_english_name_classification",
    title="INATURALIST Latin English name classification",
    category="Animal Classification",
    published_form='"The organism in the image is X. Its scientific name is Y."',
)
def latin_english_name_classification(row: Row) -> Example | None:
    if row.year == 2017:
        return None
    if not row.common_name:
        raise UnusableError("no_common_name", f"{row.species} has no common name in the release")
    return Example(image=row.image, target=f"{row.common_name} ({row.species})")


@dataset.task(
    """
    Naturalists first sort what they find into large groups. Which of the groups below does the
    organism at the center of this photograph belong to?
    """,
    official_name="INATURALIST+supercategory_classification",
    title="INATURALIST supercategory classification",
    category="Animal Classification",
)
def supercategory_classification(row: Row) -> Example:
    place = (2021, 2017).index(row.year)
    options = {names[place]: name for name, names in GROUPS.items() if names[place]}
    if row.supercategory not in options:
        raise UnusableError("unknown_label", f"{row.supercategory!r} is not a known super category")
    target = options[row.supercategory]
    return Example(image=row.image, target=target, options=tuple(options.values()))


def named(row: Row, rank: str) -> Example | None:
    """Make an example that asks for the name of one rank, where the release has it."""
    return Example(image=row.image, target=row.ranks[rank]) if rank in row.ranks else None


@dataset.task(
    """
    Give the phylum of the plant, animal or fungus shown, which is the rank directly below the
    kingdom. Answer with one scientific word, such as "Arthropoda".
    """,
    official_name="INATURALIST+phylum_classification",
    title="INATURALIST phylum classification",
    category="Animal Classification",
    published_form='"The phylum of the organism in the image is X."',
)
def phylum_classification(row: Row) -> Example | None:
    return named(row, "phylum")


@dataset.task(
    """
    The class is the rank below the phylum and above the order, for example "Magnoliopsida". To
    which class does the organism in the picture belong? Reply with its Latin name only.
    """,
    official_name="INATURALIST+class_classification",
    title="INATURALIST class classification",
    category="Animal Classification",
    published_form='"The class of the organism in the image is X."',
)
def class_classification(row: Row) -> Example | None:
    return named(row, "class")


@dataset.task(
    """
    A biologist wants to file this observation under its taxonomic order, a rank that includes
    several families. Give its scientific name, for example "Lepidoptera".
    """,
    official_name="INATURALIST+order_classification",
    title="INATURALIST order classification",
    category="Animal Classification",
)
def order_classification(row: Row) -> Example | None:
    return named(row, "order")


@dataset.task(
    """
    Closely related genera form a family, such as "Equidae" among the animals or "Asteraceae" among
    the plants. Name the family of what you see here, in Latin and with no other words.
    """,
    official_name="INATURALIST+family_classification",
    title="INATURALIST family classification",
    category="Animal Classification",
    published_form='"The family of the organism in the image is X."',
)
def family_classification(row: Row) -> Example | None:
    return named(row, "family")


@dataset.task(
    """
    The first word of a species' scientific name is its genus. Give that word for the organism
    shown, for example "Danaus".
    """,
    official_name="INATURALIST+genus_classification",
    title="INATURALIST genus classification",
    category="Animal Classification",
    published_form='"The genus of the organism in the image is X."',
)
def genus_classification(row: Row) -> Example | None:
    return named(row, "genus")


# Super category, common name, ranks and epithet, and the icon that shows it with its color.
DRAWN = """
Birds;Northern Cardinal;Animalia Chordata Aves Passeriformes Cardinalidae Cardinalis cardinalis
Insects;Monarch;Animalia Arthropoda Insecta Lepidoptera Nymphalidae Danaus plexippus
Mammals;Plains Zebra;Animalia Chordata Mammalia Perissodactyla Equidae Equus quagga
Plants;Common Sunflower;Plantae Tracheophyta Magnoliopsida Asterales Asteraceae Helianthus annuus
Animalia;Sally Lightfoot Crab;Animalia Arthropoda Malacostraca Decapoda Grapsidae Grapsus grapsus
Animalia;Sea Star;Animalia Echinodermata Asteroidea Forcipulatida Asteriidae Pisaster ochraceus
"""
ICONS = {
    "Monarch": ("butterfly", "orange"),
    "Plains Zebra": ("zebra", "black"),
    "Common Sunflower": ("sunflower", "yellow"),
    "Sally Lightfoot Crab": ("crab", "red"),
    "Sea Star": ("starfish", "purple"),
}


def drawn_category(number: int, line: str) -> dict[str, str]:
    group, common, taxonomy = line.split(";")
    *ranks, epithet = taxonomy.split()
    return {
        **dict(zip(RANKS, ranks, strict=True)),
        "name": f"{ranks[-1]} {epithet}",
        "common_name": common,
        "supercategory": group,
        "specific_epithet": epithet,
        "image_dir_name": "_".join((f"{number:05d}", *ranks, epithet)),
    }


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = DRAWN.strip().split("\n")
    categories = [drawn_category(*each) for each in enumerate(lines)]
    for index in range(count):
        category = categories[lines.index(class_at(index, lines, "inaturalist"))]
        image = picture(category["common_name"], index)
        name = f"00000000-0000-4000-8000-{index:012x}.jpg"
        if index % 8 == 5:
            group = category["class"] if category["class"] in CLASSES else category["kingdom"]
            write_image(root / "train_val_images" / group / category["name"] / name, image)
        else:
            write_image(root / "train_mini" / category["image_dir_name"] / name, image)
    numbered = [{"id": number, **category} for number, category in enumerate(categories)]
    write_json(root / "train_mini.json", {"info": {"year": 2021}, "categories": numbered})
    old = sorted(path.relative_to(root).as_posix() for path in root.glob("train_val_images/*/*/*"))
    write_json(root / "val2017.json", {"images": [{"file_name": name} for name in old[::2]]})


def picture(common_name: str, index: int) -> Image.Image:
    """Draw the organism as a photograph."""
    identity = ("inaturalist", index)
    if common_name in specimens_birds.PLUMAGES:
        return specimens_birds.draw_bird(common_name, ("left", "right")[index // 6 % 2], *identity)
    box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), *identity, by=0.2)
    icon, color = ICONS[common_name]
    return styled_icon(icon, "photo", box, color, *identity)
