"""CrisisMMD: 18,082 pictures from tweets on seven natural disasters, with three judgments.

Layout: `CrisisMMD_v2.0/annotations/<event>_final_data.tsv`, a line a picture with the columns
tweet_id, image_id, text_info, image_info, text_human, image_human, image_damage (each but the ids
followed by a confidence), tweet_text, image_url and image_path, which begins with `data_image/`.
The owners' card (QCRI/CrisisMMD on Hugging Face, README.md) lists the labels and what version 2.0
changed; training codes that read the raw files name the seven events and all columns. A release
without the folder around it is read too. The owners' split comes apart, as files such as
`crisismmd_datasplit_all/task_informative_text_img_train.tsv` whose third column is image_id (many
training codes); those of this task list all images.

A tweet may have several pictures: the labels of its text are then repeated with each, and labels of
text and picture differ often. Both are asked, as in the paper's public sample. The damage is
judged of pictures alone, and only of those that show some kind of it; the others have no label.

Known defects: whether tweets that hold quotation marks are quoted could not be seen, so a field in
quotation marks is freed of them and no other is changed, and a line is always one picture;
characters that Twitter escapes (`&amp;`) are turned back, and both are named as repaired.
"""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, Box, jitter_box, shape, word
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, inside, numbered_lines
from visionflan.layouts.fields import identifier
from visionflan.layouts.official_splits import read_split_lists, write_split_lists
from visionflan.plural import counted
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.scenes import draw_backdrop

FOLDER = "CrisisMMD_v2.0"
SPLIT_FOLDER = "crisismmd_datasplit_all/"  # may have a folder of its own name within
SPLIT_FILE = "task_informative_text_img_{}.tsv"
PHASES = ("train", "dev", "test")
EVENTS = (
    *("california_wildfires", "hurricane_harvey", "hurricane_irma", "hurricane_maria"),
    *("iraq_iran_earthquake", "mexico_earthquake", "srilanka_floods"),
)
INFORMATIVE = ("informative", "not informative")
KINDS = (
    *("affected individuals", "infrastructure and utility damage", "injured or dead people"),
    *("missing or found people", "rescue volunteering or donation effort", "vehicle damage"),
    *("other relevant information", "not humanitarian"),
)
SEVERITIES = ("severe damage", "mild damage", "little or no damage")
UNDECIDED = "dont know or cant judge"
COLUMNS = {
    "text_info": INFORMATIVE,
    "image_info": INFORMATIVE,
    "text_human": KINDS,
    "image_human": KINDS,
    "image_damage": SEVERITIES,
}


class Row(NamedTuple):
    key: str
    image: Path
    tweet: str
    labels: dict[str, str]
    split: str = ""

    @property
    def tweet_id(self) -> str:
        """Return the event and the number of the tweet, which can have several images."""
        return self.key.rpartition("_")[0]


dataset = Dataset[Row](
    title="CrisisMMD",
    homepage="https://crisisnlp.qcri.org/crisismmd.html",
    license="CC-BY-NC-SA-4.0",
    terms="The tweets and their images are those of their authors, under Twitter's terms.",
    citation="Alam, Ofli and Imran (2018), CrisisMMD: Multimodal Twitter Datasets from Natural "
    "Disasters, ICWSM",
    obtain="""
        Download CrisisMMD_v2.0.tar.gz through the homepage, and unpack it here.
    """,
    tree="""
        CrisisMMD_v2.0/
            annotations/california_wildfires_final_data.tsv
            ...
            data_image/california_wildfires/10_10_2017/917791044158185473_0.jpg
            ...
    """,
    split_field="split",
    group_field="tweet_id",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root / FOLDER, root)
    splits: dict[str, str] = {}
    for folder in (home / below for home in homes for below in (SPLIT_FOLDER, SPLIT_FOLDER * 2)):
        splits |= read_split_lists(folder, SPLIT_FILE, PHASES, column=2)
    names = [Path("annotations", f"{event}_final_data.tsv") for event in EVENTS]
    for path in existing_paths(*(home / name for name in names for home in homes)):
        lines = numbered_lines(path)
        columns = next(lines, (1, ""))[1].split("\t")
        if lacking := {*COLUMNS, "image_id", "tweet_text", "image_path"} - set(columns):
            raise ReleaseError(f"{path} has no column {', '.join(sorted(lacking))}")
        for number, line in lines:
            fields = line.split("\t")
            if len(fields) == len(columns):
                yield read_fields(path, splits, dict(zip(columns, fields, strict=True)))
            else:
                detail = f"{path}:{number} has {counted(len(fields), 'field')}, not {len(columns)}"
                yield BrokenRow(f"{path.name}:{number}", "malformed_record", detail)


def read_fields(path: Path, splits: dict[str, str], fields: dict[str, str]) -> Row | BrokenRow:
    number = identifier(fields, "image_id")
    key = f"{path.stem.removesuffix('_final_data')}/{number}"
    labels = {name: fields[name].strip().replace("_", " ") for name in COLUMNS}
    labels = {name: "" if label == "nan" else label for name, label in labels.items()}
    for name, label in labels.items():
        if label not in (*COLUMNS[name], UNDECIDED, ""):
            return BrokenRow(key, "unknown_label", f"{name} of {key} is {label!r}")
    image = inside(path.parents[1], fields["image_path"])
    return Row(key, image, fields["tweet_text"], labels, splits.get(number, ""))


def judged(row: Row, *names: str) -> tuple[str, ...] | None:
    """Return the labels of these columns, or nothing where one was not assigned."""
    labels = tuple(row.labels[name] for name in names)
    if UNDECIDED in labels:
        raise UnusableError("undecided", f"the annotators could not judge {', '.join(names)}")
    return labels if all(labels) else None


def example(row: Row, target: str) -> Example:
    """Make an example with the picture and the words of its tweet."""
    bare = row.tweet.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1].replace('""', '"')
    words = " ".join(html.unescape(bare).split())
    repaired = ("tweet_unescaped",) if words != row.tweet else ()
    return Example(image=row.image, text=f"Tweet: {words}", target=target, repaired=repaired)


@dataset.task(
    """
    The tweet below was posted with this picture during a natural disaster. For the people who send
    help, is there useful information about the disaster in the words of the tweet, and is there any
    in the picture? Call each one informative or not informative, in the form "tweet: informative;
    picture: not informative".
    """,
    title="CrisisMMD informativeness classification",
    official_name="CrisisMMD+Informativeness_classification",
    category="Complex Reasoning",
    metric="set_f1",
)
def informativeness_classification(row: Row) -> Example | None:
    labels = judged(row, "text_info", "image_info")
    return example(row, f"tweet: {labels[0]}; picture: {labels[1]}") if labels else None


@dataset.task(
    """
    Sort the tweet below from a disaster area, and separately the picture posted with it, by what
    they are about. The classes are: affected individuals; infrastructure and utility damage;
    injured or dead people; missing or found people; rescue volunteering or donation effort; vehicle
    damage; other relevant information; not humanitarian. Reply with "tweet:" and its class, a
    semicolon, then "picture:" and its class.
    """,
    title="CrisisMMD humanitarian category classification",
    official_name="CrisisMMD+humanitarian_categories_classification",
    category="Complex Reasoning",
    metric="set_f1",
    published_form='"The tweet text is X and the image is Y."',
)
def humanitarian_categories_classification(row: Row) -> Example | None:
    labels = judged(row, "text_human", "image_human")
    return example(row, f"tweet: {labels[0]}; picture: {labels[1]}") if labels else None


@dataset.task(
    """
    How badly damaged are the buildings, roads, vehicles or other structures in this picture? The
    tweet below is given for context, but judge by what you can see. Answer with severe damage, mild
    damage, or little or no damage.
    """,
    title="CrisisMMD damage severity classification",
    official_name="CrisisMMD+damage_severity_classification",
    category="Scene Classification",
    published_form='"The image damage severity is: X."',
)
def damage_severity_classification(row: Row) -> Example | None:
    labels = judged(row, "image_damage")
    return example(row, labels[0]) if labels else None


# What the pictures of the specimen show: the class, the severity, and the thing that is drawn.
DRAWN = (
    ("infrastructure_and_utility_damage", "severe_damage", "house"),
    ("infrastructure_and_utility_damage", "mild_damage", "house"),
    ("infrastructure_and_utility_damage", "little_or_no_damage", "house"),
    ("vehicle_damage", "severe_damage", "car"),
    ("rescue_volunteering_or_donation_effort", "", "cross"),
    ("missing_or_found_people", "", "person"),
    ("other_relevant_information", "", "map"),
    ("not_humanitarian", "", "pizza"),
    ("not_humanitarian", "", "guitar"),
    ("not_humanitarian", "", "cat"),
)
TWEETS = {
    "infrastructure_and_utility_damage": "The bridge on Main Street has fallen &amp; power is out.",
    "rescue_volunteering_or_donation_effort": "Volunteers bring water to the school on Hill Road.",
    "affected_individuals": "Forty families have left their homes for the night.",
    "not_humanitarian": "Cannot wait for the weekend!",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    tables, listed = dict[str, list[str]](), list[str]()
    judged_columns = (part for name in COLUMNS for part in (name, f"{name}_conf"))
    head = ["tweet_id", "image_id", *judged_columns, "tweet_text", "image_url", "image_path"]
    for index in range(count):
        event = EVENTS[index % len(EVENTS)]
        kind, severity, thing = DRAWN[stable_hash("crisismmd", index) % len(DRAWN)]
        topic = list(TWEETS)[stable_hash("crisismmd", index, "tweet") % len(TWEETS)]
        name = f"{917791044158185473 + index}_0"
        path = f"data_image/{event}/10_10_2017/{name}.jpg"
        write_image(root / FOLDER / path, drawn(thing, severity, index))
        judgments = [informative(topic), informative(kind), topic, kind, severity]
        labels = "\t".join(f"{label}\t{'1.0' if label else ''}" for label in judgments)
        tweet = f"{TWEETS[topic]} https://t.co/{index}"
        line = f"{name[:-2]}\t{name}\t{labels}\t{tweet}\thttp://pbs.twimg.com/{name}.jpg\t{path}"
        listed.append(f"{event}\t{name[:-2]}\t{name}")
        tables.setdefault(event, ["\t".join(head)]).append(line)
    header = ("event_name\ttweet_id\timage_id",)
    write_split_lists(root / SPLIT_FOLDER, SPLIT_FILE, listed, PHASES, header)
    for event, lines in tables.items():
        write_lines(root / FOLDER / "annotations" / f"{event}_final_data.tsv", lines)


def informative(kind: str) -> str:
    return "not_informative" if kind == "not_humanitarian" else "informative"


def drawn(thing: str, severity: str, index: int) -> Image.Image:
    """Draw a thing hardly scratched, cracked, overturned or in pieces, or a sign for the rest."""
    _, _, image = draw_backdrop("crisismmd", index)
    pen = ImageDraw.Draw(image)
    box = jitter_box(FRAME.part(0.08, 0.1, 0.92, 0.94), "crisismmd", index, by=0.2)
    if thing in SIGNS:
        sign(image, thing, box)
    elif thing == "house" and severity == "severe_damage":
        rubble(pen, box, index)
    else:
        color = pick(("red", "blue", "orange", "purple"), 1, "crisismmd", index, "colour")[0]
        subject = Image.new("RGBA", image.size)
        icon(subject, thing, box, color)
        if thing == "car":
            subject = subject.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        image.paste(subject, mask=subject)
        crack = CRACKS.get(severity, [])
        pen.line([box.at(*point) for point in crack], fill=BLACK, width=6 if len(crack) > 3 else 2)
    return image


CRACKS = {
    "mild_damage": [(0.62, 0.1), (0.5, 0.4), (0.66, 0.6), (0.52, 0.97)],
    "little_or_no_damage": [(0.78, 0.97), (0.72, 0.88), (0.8, 0.8)],
}
SIGNS = {"person": "LOST", "map": "ROAD\nOPEN", "cross": "HELP"}


def sign(image: Image.Image, thing: str, box: Box) -> None:
    """Draw a white sheet with words, and the cross of helpers or the person who is looked for."""
    ImageDraw.Draw(image).rectangle(box, fill=(250, 250, 250), outline=BLACK, width=2)
    below = box.part(0.3, 0.38, 0.7, 0.98)
    if thing == "person":
        icon(image, thing, below, "blue")
    elif thing == "cross":
        shape(image, thing, "red", below)
    low = 0.94 if thing == "map" else 0.36
    word(image, SIGNS[thing], box.part(0.06, 0.06, 0.94, low), COLORS["red"])


def rubble(pen: ImageDraw.ImageDraw, box: Box, index: int) -> None:
    """Draw a heap of broken walls and beams."""
    for piece in range(14):
        row = piece % 4
        x = 0.1 * row + (1 - 0.2 * row) * (stable_hash("rubble", index, piece) % 100) / 100
        part = box.part(x - 0.14, 0.8 - 0.15 * row, x + 0.14, 0.98 - 0.12 * row)
        slab = [part.at(0, 0.3), part.at(0.8, 0), part.at(1, 0.7), part.at(0.2, 1)]
        tone = 90 + 20 * (piece % 5)
        pen.polygon(slab, fill=(tone + 20, tone, tone - 15), outline=BLACK)
