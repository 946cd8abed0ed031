"""Yoga-82: some 28,000 pictures of yoga, each in one of 82 poses.

The owners publish addresses of pictures, one list for each pose, and two lists of labels. Layout:
several pieces of training code (the search that found them names no repositories) read
`yoga_train.txt` and `yoga_test.txt`, whose lines are the path of a picture and its classes among 6,
20 and 82, and agree that the folder in the path is the name of the pose; the owners' repository
(maniver7/yoga-82, ReadMe.md) only says to fetch the pictures by the addresses and to use these
lists. Where the pictures lie is up to the user: in `images`, `Images` or beside the lists. Both
lists have labels and are read. Pictures that are no longer to be had are counted by the build.

A pose's name is taken from its folder, `Boat_Pose_or_Paripurna_Navasana_`, and mostly has an
English and a Sanskrit half, of which each alone counts as right too. Words begin with capitals
here, the English half comes first, and four names are mended one by one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, SIZE, Box, jitter_box, polygon, stroke
from visionflan.drawing.icons.animals import SKIN
from visionflan.drawing.styles import photo
from visionflan.hashing import pick
from visionflan.layouts import existing_paths, inside, is_folder, text_lines
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.imagenet import class_at

BETWEEN = " or "
SMALL = {"and", "of", "or", "the", "to"}
ODD = {
    "Bharadvajas_Twist_pose_or_Bharadvajasana_I_": "Bharadvaja's Twist Pose or Bharadvajasana I",
    "Sitting pose 1 (normal)": "Sitting Pose",
    "Supta_Virasana_Vajrasana": "Supta Virasana or Supta Vajrasana",
    "viparita_virabhadrasana_or_reverse_warrior_pose": (
        "Reverse Warrior Pose or Viparita Virabhadrasana"
    ),
}


class Row(NamedTuple):
    key: str
    image: Path
    pose: str
    split: str = ""


dataset = Dataset[Row](
    title="Yoga-82",
    homepage="https://sites.google.com/view/yoga-82/home",
    license="unknown",
    terms="The owners give the addresses to those who fill in the form on the homepage, where they "
    "name the licenses; the images belong to the sites that show them.",
    citation="Verma, Kumawat, Nakashima and Raman (2020), Yoga-82: A New Dataset for Fine-grained "
    "Classification of Human Poses, CVPR Workshops",
    obtain="""
        Fill in the form on the homepage, unpack the lists here, and download each image by its
        address in yoga_dataset_links into the path that comes before it, below the directory
        images.
    """,
    tree="""
        Yoga-82/
            yoga_train.txt
            yoga_test.txt
            yoga_dataset_links/<pose>.txt
        images/<pose>/<number>_0.jpg
    """,
    split_field="split",
    no_group="the release tells the address of an image, but not whom it shows",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    inner = root / "Yoga-82"
    lists = inner if is_folder(inner) else root
    places = (home / name for home in (root, lists) for name in ("images", "Images"))
    home = next(filter(is_folder, places), lists)
    for path in existing_paths(lists / "yoga_train.txt", lists / "yoga_test.txt"):
        for number, line in enumerate(text_lines(path), start=1):
            name, *classes = line.rsplit(",", 3)
            if len(classes) == 3 and "/" in name:
                pose, split = name.partition("/")[0], split_of(path.stem.removeprefix("yoga_"))
                yield Row(name, inside(home, name), pose, split)
            else:
                detail = f"entry {number} of {path} is not an image with three classes: {line!r}"
                yield BrokenRow(f"{path.name}:{number}", "malformed_line", detail)


def spoken(folder: str) -> str:
    """Return the name of a pose as it is printed in a book on yoga."""
    words = folder.replace("_", " ").split()
    plain = (word if word in SMALL else word[0].upper() + word[1:] for word in words)
    return ODD.get(folder) or " ".join(plain)


@dataset.task(
    """
    Name the yoga pose in the picture. Give its English name, the word "or" and its Sanskrit name,
    for example "Tree Pose or Vrksasana". If there is only one name, give that.
    """,
    """
    Which yoga pose is this? Write it as in "Tree Pose or Vrksasana": the English name first, then
    the word "or", then the Sanskrit name. A pose that has just one name is given by that name
    alone.
    """,
    """
    Using the form "Tree Pose or Vrksasana", with the English name before the word "or" and the
    Sanskrit name after it, say which yoga pose you see. Some poses have a single name, which is
    then the complete answer.
    """,
    """
    You are writing the captions for a yoga manual, and this is the next illustration. The caption
    gives the pose in English and in Sanskrit, joined by "or", like "Tree Pose or Vrksasana", unless
    the pose has only one of the two names. What is the caption?
    """,
    """
    Someone is practicing yoga here. Identify the pose by the arms, the legs and the back. If it has
    both an English and a Sanskrit name, give both in that order with the word "or" between them,
    for example "Tree Pose or Vrksasana"; if not, give the only name.
    """,
    official_name="Yoga-82+yoga_pose_recognition",
    title="Yoga-82 yoga pose recognition",
    category="Human Activity",
    published_form='"The yoga pose is X or Y."',
)
def yoga_pose_recognition(row: Row) -> Example:
    target = spoken(row.pose)
    return Example(
        image=row.image,
        target=target,
        references=accepted_names(target, *target.split(BETWEEN), row.pose),
        repaired=("mended_name",) if row.pose in ODD else (),
    )


# Of each pose, where the head is, and lines along the trunk and the limbs.
Points = list[tuple[float, float]]
POSES: dict[str, tuple[tuple[float, float], list[Points]]] = {
    "Tree_Pose_or_Vrksasana_": (
        (0.5, 0.2),
        [
            [(0.5, 0.28), (0.5, 0.58), (0.5, 0.96)],
            [(0.5, 0.58), (0.74, 0.7), (0.52, 0.78)],
            [(0.5, 0.34), (0.34, 0.2), (0.5, 0.02), (0.66, 0.2), (0.5, 0.34)],
        ],
    ),
    "Warrior_II_Pose_or_Virabhadrasana_II_": (
        (0.5, 0.18),
        [
            [(0.5, 0.26), (0.5, 0.6)],
            [(0.02, 0.36), (0.98, 0.36)],
            [(0.2, 0.94), (0.2, 0.64), (0.5, 0.6), (0.96, 0.94)],
        ],
    ),
    "Downward-Facing_Dog_pose_or_Adho_Mukha_Svanasana_": (
        (0.28, 0.7),
        [[(0.04, 0.94), (0.5, 0.3), (0.9, 0.94)]],
    ),
    "Corpse_Pose_or_Savasana_": (
        (0.1, 0.84),
        [[(0.2, 0.86), (0.98, 0.86)], [(0.26, 0.9), (0.56, 0.9)]],
    ),
    "Staff_Pose_or_Dandasana_": (
        (0.24, 0.26),
        [[(0.24, 0.36), (0.24, 0.86), (0.96, 0.86)], [(0.24, 0.44), (0.36, 0.86)]],
    ),
    "Boat_Pose_or_Paripurna_Navasana_": (
        (0.14, 0.3),
        [[(0.2, 0.4), (0.46, 0.88), (0.94, 0.34)], [(0.26, 0.5), (0.72, 0.48)]],
    ),
    "Supported_Headstand_pose_or_Salamba_Sirsasana_": (
        (0.5, 0.84),
        [[(0.5, 0.74), (0.5, 0.02)], [(0.5, 0.66), (0.26, 0.94), (0.74, 0.94), (0.5, 0.66)]],
    ),
    "Bridge_Pose_or_Setu_Bandha_Sarvangasana_": (
        (0.08, 0.86),
        [[(0.16, 0.88), (0.6, 0.5), (0.78, 0.52), (0.8, 0.94)], [(0.2, 0.92), (0.56, 0.92)]],
    ),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = []
    for index in range(count):
        pose = class_at(index, list(POSES), "yoga82")
        subject = Image.new("RGBA", (SIZE, SIZE))
        box = jitter_box(FRAME.part(0.03, 0.03, 0.97, 0.97), "yoga82", index, by=0.2)
        color = pick(("red", "blue", "green", "purple"), 1, "yoga82", index)[0]
        figure(ImageDraw.Draw(subject), box, pose, color)
        path = f"{pose}/{index + 1}_0.jpg"
        write_image(root / "images" / path, photo(subject, "yoga82", index))
        lines.append(f"{path},0,0,{list(POSES).index(pose)}")
    write_lines(root / "Yoga-82" / "yoga_train.txt", lines[1:])
    write_lines(root / "Yoga-82" / "yoga_test.txt", lines[:1])


def figure(pen: ImageDraw.ImageDraw, box: Box, pose: str, color: str) -> None:
    """Draw a person in one of `POSES`, dressed in the color."""
    (x, y), lines = POSES[pose]
    for points in lines:
        pen.line(polygon(box, points), fill=COLORS[color], width=stroke(box, 0.1), joint="curve")
    pen.ellipse(box.part(x - 0.1, y - 0.1, x + 0.1, y + 0.1), fill=SKIN)
