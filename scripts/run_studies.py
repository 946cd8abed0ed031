"""Run the studies in miniature, and copy their results to docs/findings, of which a page is made.

python scripts/run_studies.py miniature             # all studies; goes on where it was stopped
python scripts/run_studies.py miniature modules --seeds 5
python scripts/run_studies.py miniature modules_real --real DIR
"""

import argparse
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from visionflan.analysis.studies import names
from visionflan.analysis.study_links import RESULTS
from visionflan.builder.run import build
from visionflan.cli.shared.log import log
from visionflan.quickstart import MINIATURE, REAL_RELEASES, SPECIMENS, miniature_releases

FINDINGS = Path(__file__).parent.parent / "docs" / "findings"
# Studies need more questions than the quickstart asks.
HELD_OUT_IMAGES = 0.2
# What the studies of tasks read besides: tasks alike, of which some can be held out, in each group;
# and, for `reading`, captions.
MORE_SPECIMENS = {
    "domainnet": 2000,
    "flickr30k": 400,
    "nocaps": 400,
    "office31": 500,
    "textcaps": 600,
    "vizwiz": 300,
}
# Its captions have capitalized words within a sentence, which no other drawn captions have.
CAPTIONS_WITH_NAMES = "textcaps/caption_generation"
MORE_TASKS = (
    "coco/image_classification_*",
    "domainnet/*_image_classification",
    "dvqa/*",
    "flickr30k/*",
    "nocaps/*",
    "office31/*",
    "pacs/*",
    "vizwiz/image_captioning",
)
# Chosen before the first run: each has a training task of other images, or other words, beside it.
HELD_OUT_TASKS = (
    "domainnet/clipart_image_classification",
    "domainnet/quickdraw_image_classification",
    "dtd/coarse_grained_texture_classification",
    "dvqa/charts_question_answer_2",
    "flickr30k/caption_image",
    "nocaps/image_caption",
    "office31/image_classification_object",
    "pacs/photo_object_classification",
    "tdiuc/vqa_color",
    "tdiuc/vqa_object_recognition",
)
# The ratio of the paper: the rate of the second stage is half of the first's.
HALF_RATE = ("--set-recipe", "stages.chat.learning_rate=1e-3")


class Entry(NamedTuple):
    """A study with what it reads.

    Attributes:
        study: its name.
        build: a directory below the given one.
        options: of the command.
    """

    study: str
    build: str = "build"
    options: tuple[str, ...] = ()


ENTRIES = {
    **{name: Entry(name) for name in names()},
    "tasks": Entry("tasks", "wide_build", ("--held-out-tasks", *HELD_OUT_TASKS)),
    "groups": Entry("groups", "wide_build", ("--held-out-tasks", *HELD_OUT_TASKS)),
    "modules": Entry("modules", options=("--limit", "100")),
    "stages_rate": Entry("stages", options=HALF_RATE),
    "synthetic_rate": Entry("synthetic", options=HALF_RATE),
    "forgetting_phrasings": Entry("forgetting", "phrasings_build"),
    "reading_phrasings": Entry("reading", "phrasings_build"),
    "modules_real": Entry("modules", "real_build"),
}


def main() -> int:
    """Draw what is missing, run studies, and copy their results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path, help="where releases, builds and steps are kept")
    parser.add_argument("entries", nargs="*", help=f"of {', '.join(ENTRIES)} (default: all)")
    parser.add_argument("--real", type=Path, help="directory of real releases, for modules_real")
    parser.add_argument("--seeds", default="3", help="replicates (default: %(default)s)")
    parser.add_argument("--jobs", default="2", help="steps at a time (default: %(default)s)")
    args = parser.parse_args()
    draw_builds(args.directory)
    if args.real:
        settings = replace(REAL_RELEASES, hold_out_images=HELD_OUT_IMAGES)
        build(args.real, args.directory / ENTRIES["modules_real"].build, settings, log=log)
    chosen = args.entries or [name for name in ENTRIES if args.real or not name.endswith("_real")]
    return max(run(args.directory, name, args.seeds, args.jobs) for name in chosen)


def draw_builds(directory: Path) -> None:
    """Draw the releases and build from them, or go on where that was stopped."""
    releases = miniature_releases(directory / "releases", SPECIMENS | MORE_SPECIMENS)
    narrow = replace(MINIATURE, hold_out_images=HELD_OUT_IMAGES)
    wide = replace(narrow, tasks=(*narrow.tasks, *MORE_TASKS))
    build(releases, directory / "build", narrow, log=log)
    build(releases, directory / "wide_build", wide, log=log)
    phrasings = replace(narrow, phrasings="all", tasks=(*narrow.tasks, CAPTIONS_WITH_NAMES))
    build(releases, directory / "phrasings_build", phrasings, log=log)


def run(directory: Path, name: str, seeds: str, jobs: str) -> int:
    """Run one study with the command that its results show, and copy them if no arm failed."""
    entry, out = ENTRIES[name], directory / name
    paths = ["--build", directory / entry.build, "--out", out, "--store", directory / "steps"]
    command = ["analyze", entry.study, *paths, "--seeds", seeds, "--jobs", jobs, *entry.options]
    log(name)
    code = subprocess.run([sys.executable, "-m", "visionflan", *map(str, command)], check=False)
    if code.returncode == 0:
        FINDINGS.mkdir(exist_ok=True)
        shutil.copy(out / RESULTS, FINDINGS / f"{name}.json")
    return code.returncode


if __name__ == "__main__":
    sys.exit(main())
