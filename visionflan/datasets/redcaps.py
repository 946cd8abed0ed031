"""RedCaps: pictures that people posted in 350 communities of Reddit, with the titles of the posts.

Layout: the owners' downloader (redcaps-dataset/redcaps-downloader, README.md and
redcaps/download.py) keeps `annotations/<subreddit>_<year>.json`, each with its posts under
`annotations`, and puts each picture that it can fetch into `images/<subreddit>/<image_id>.jpg`. Its
redcaps/downloaders/info_downloader.py tells how the owners made `caption` of `raw_caption`: small
letters, nothing in brackets, `<usr>` for the names of users, letters of ASCII alone. A file of a
community's year is read whole, of each post only what is needed being kept.

Known defects: captions with `<usr>` in them, which no person would write, are refused; removed
letters have left blanks behind, which are fixed and noted; a caption of which nothing was left is
empty.

The public samples of the paper's site ask for a caption for Reddit (1) and for "a casual community
based social media platform" (2), and do not tell how the two differ. Here 1 names the community,
whose habits show in its captions ("itap of ..." in r/itookapicture), and 2 does not.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick
from visionflan.image_urls import ImageUrl, ImageUrls
from visionflan.layouts import inside, json_list
from visionflan.layouts.fields import identifier, read_records, text
from visionflan.specimens import write_image, write_json

FIELDS = ("image_id", "subreddit", "caption")


class Row(NamedTuple):
    key: str
    image: Path
    community: str
    caption: str


dataset = Dataset[Row](
    title="RedCaps",
    homepage="https://redcaps.xyz/",
    license="non-commercial",
    terms="""
        The annotations are under CC-BY-4.0, but the owners restrict RedCaps to non-commercial
        research: nothing that identifies features of people, no decisions that affect people, no
        product of a business or a government. Use is subject to Reddit's API terms, User Agreement,
        Content Policy and Privacy Policy.
    """,
    citation="Desai, Kaul, Aysola, Johnson (2021), RedCaps: Web-curated Image-Text Data Created by "
    "the People, for the People, NeurIPS Datasets and Benchmarks",
    obtain="""
        Download redcaps_v1.0_annotations.zip from the homepage and unpack it here. Then download
        the images with `visionflan fetch --dataset redcaps`, or with the owners' redcaps-downloader
        for each file of annotations: redcaps download-imgs -a annotations/cats_2019.json --save-to
        images.
    """,
    tree="""
        annotations/
            abandoned_2017.json
            itookapicture_2019.json
            ...
        images/
            abandoned/<image_id>.jpg
            itookapicture/<image_id>.jpg
            ...
    """,
    no_split="the annotations are published undivided",
    no_group="each post has one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    files = sorted((root / "annotations").glob("*.json"))
    if not files:
        raise ReleaseError(f"{root}/annotations has no file such as cats_2019.json: unpack them")
    for path in files:
        posts = enumerate(json_list(path, "annotations", needed), start=1)
        yield from read_records(path, posts, partial(to_row, root / "images"))


def needed(record: dict[str, Any]) -> dict[str, Any]:
    """Return only the fields of a post that are read."""
    if "image_id" in record:
        return {field: record[field] for field in FIELDS if field in record}
    return record


def to_row(images: Path, post: Any) -> Row:
    community = text(post, "subreddit")
    name = f"{community}/{identifier(post, 'image_id')}"
    return Row(name, inside(images, f"{name}.jpg"), community, text(post, "caption"))


@dataset.downloads
def image_urls(root: Path) -> Iterator[ImageUrls]:
    yield ImageUrls("images", partial(listed_urls, sorted((root / "annotations").glob("*.json"))))


def listed_urls(files: list[Path]) -> Iterator[ImageUrl]:
    posts = (post for path in files for post in json_list(path, "annotations", located))
    for place, post in enumerate(posts):
        if isinstance(post, dict) and {"url", "subreddit", "image_id"} <= post.keys():
            name = inside(Path(), f"{post['subreddit']}/{post['image_id']}.jpg")
            yield ImageUrl(str(post["url"]), place, str(name))


def located(record: dict[str, Any]) -> dict[str, Any]:
    """Return only the fields of a post that place its image, and its URL."""
    if "image_id" in record:
        return {field: record[field] for field in ("url", *FIELDS[:2]) if field in record}
    return record


def posted(row: Row, text: str) -> Example:
    """Make an example whose answer is the title of the post."""
    caption = " ".join(row.caption.split())
    if "<usr>" in caption:
        raise UnusableError("user_name", "the caption contains <usr> in place of a user's name")
    repaired = ("trimmed_blanks",) if caption != row.caption else ()
    return Example(image=row.image, text=text, target=caption, repaired=repaired)


@dataset.task(
    """
    Imagine that you took this picture and are about to post it on Reddit, in the community named
    below. Write a title for it as its members would: one line, all in lower case.
    """,
    title="REDCAPS Reddit caption for a community",
    official_name="REDCAPS+reddit_caption_1",
    category="Coarse-grained Captioning",
    metric="cider",
)
def reddit_caption_1(row: Row) -> Example:
    return posted(row, f"Community: r/{row.community}")


@dataset.task(
    """
    What might somebody write when sharing this photo with strangers who have the same hobby? Write
    one casual line in lower case that says what it shows, where it is from, or how you feel about
    it.
    """,
    title="REDCAPS casual social media caption",
    official_name="REDCAPS+reddit_caption_2",
    category="Coarse-grained Captioning",
    metric="cider",
)
def reddit_caption_2(row: Row) -> Example:
    return posted(row, "")


# Communities with what is posted there, and a title that fits it in any color.
COMMUNITIES = {
    "bicycling": ("bicycle", "i painted my bike {} today"),
    "birdpics": ("bird", "a {} bird on a bright day"),
    "butterflies": ("butterfly", "this {} butterfly  held still for me"),
    "cats": ("cat", "my {} cat stares at the camera again"),
    "guitars": ("guitar", "finally a {} guitar of my own!"),
    "houseplants": ("potted plant", "found a {} pot for my plant"),
    "itookapicture": ("tree", "itap of a {} tree"),
    "trains": ("train", "the old {} steam engine is back"),
}
COLORS = ("red", "green", "blue", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    posts: dict[str, list[dict[str, object]]] = {}
    for index in range(count):
        community, (thing, title) = list(COMMUNITIES.items())[index % len(COMMUNITIES)]
        color = pick(COLORS, 1, "redcaps", index, "colour")[0]
        image = canvas("redcaps", index)
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "redcaps", index, by=0.25)
        icon(image, thing, box, color)
        image_id = f"{0xA0000 + index:x}"
        write_image(root / "images" / community / f"{image_id}.jpg", image)
        posts.setdefault(f"{community}_{2017 + index % 3}", []).append(
            {
                "image_id": image_id,
                "subreddit": community,
                "url": f"https://i.redd.it/{image_id}.jpg",
                "caption": title.format(color),
                "raw_caption": f"{title.format(color).capitalize()} [OC]",
                "score": 2 + index,
                "author": "specimen",
                "created_utc": 1500000000 + index,
                "permalink": f"/r/{community}/comments/{image_id}/",
            }
        )
    for name, listed in posts.items():
        info = {"url": "https://redcaps.xyz", "version": "1.0"}
        write_json(root / "annotations" / f"{name}.json", {"info": info, "annotations": listed})
