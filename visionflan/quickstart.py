"""The whole path in miniature: releases, a build, a model trained in two stages, a report."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from visionflan import catalog
from visionflan.builder.output_dir import failed_datasets
from visionflan.builder.plan import BuildSettings, plan
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.evaluate.held_out import held_out
from visionflan.evaluate.models.checkpoint import CheckpointModel
from visionflan.evaluate.records.paths import builds, checkpoints
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.hashing import stable_hash
from visionflan.recipes.tiny import tiny
from visionflan.report.compare_page.page import COMPARISON, load_comparison, write_comparison
from visionflan.report.run_page.page import write_report
from visionflan.train.run import train

Say = Callable[[str], None]

# Whose specimens are drawn, and how many pictures of each: what a tiny model can tell apart at 32
# pixels in the minutes that it has, and, to show what it cannot, existence and options.
SPECIMENS: dict[str, int] = {
    "caltech101": 700,
    "clevr": 300,
    "coco": 400,
    "docvqa": 800,
    "dtd": 700,
    "dvqa": 500,
    "funsd": 250,
    "iconqa": 800,
    "mnist_m": 900,
    "okvqa": 150,
    "pacs": 1200,
    "stanford_cars": 300,
    "tdiuc": 1800,
    "voc2007": 700,
    "vqa_rad": 250,
    "winoground": 150,
}
MINIATURE = BuildSettings(
    tasks=(
        "caltech101/*",
        "clevr/question_answering",
        "coco/image_caption",
        "coco/image_classification_animal",
        "docvqa/*",
        "dtd/*",
        "dvqa/charts_question_answer_1",
        "funsd/*",
        "iconqa/fill_in_blank",
        "mnist_m/*",
        "okvqa/*",
        "pacs/*_object_classification",
        "stanford_cars/car_brand_classification",
        "tdiuc/*",
        "voc2007/*",
        "vqa_rad/*",
        "winoground/*",
    ),
    hold_out_images=0.08,
    hold_out_tasks=("okvqa/ok_vqa", "winoground/image_captioning"),
    max_per_held_out_task=100,
)
ON_REAL = BuildSettings(max_per_task=300, hold_out_images=0.1, max_per_held_out_task=100)
ASKED = EvaluationSettings(max_new_tokens=32, limit=60, likelihood=True)


def quickstart(out: Path, data_root: Path | None, say: Say) -> Path:
    """Go the whole path in a folder, and give the report's path; stopped, it goes on from there."""
    out.mkdir(parents=True, exist_ok=True)
    with timed("1/5 releases", say):
        root = data_root or miniature_releases(out / "releases")
    settings = MINIATURE if data_root is None else for_real(root)
    with timed("2/5 build", say):
        manifest = build(root, out / "build", settings, log=say)
        if unread := failed_datasets(manifest):
            told = manifest["datasets"][unread[0]]["message"]
            raise BuildError(f"{' and '.join(unread)} could not be read: {told}")
    with timed("3/5 train", say):
        train(replace(tiny(), build=(out / "build").resolve()), out, say=say)
    with timed("4/5 evaluate", say):
        for place in checkpoints(out):
            subject = EvalSubject(
                answerer=CheckpointModel(place.checkpoint),
                path=place.checkpoint,
                run=out.resolve().name,
                phase=place.phase,
            )
            evaluate(subject, held_out(builds([], place.run)), place.out, ASKED)
    with timed("5/5 report", say):
        report = write_report(out)
        write_comparison(load_comparison(out), out / COMPARISON)
        return report


@contextmanager
def timed(name: str, say: Say) -> Iterator[None]:
    """Say what begins, and how long it took."""
    began = time.monotonic()
    say(f"{name} ...")
    yield
    say(f"{name}: {time.monotonic() - began:.0f} s")


def miniature_releases(root: Path) -> Path:
    """Draw the releases that are not there yet; each appears only when it is whole."""
    for name, count in SPECIMENS.items():
        if not (root / name).exists():
            unfinished = root.with_name(f"{root.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            catalog.load(name).write_specimen(unfinished / name, count)
            root.mkdir(parents=True, exist_ok=True)
            (unfinished / name).rename(root / name)
            shutil.rmtree(unfinished)
    return root


def for_real(data_root: Path) -> BuildSettings:
    """Choose all that is there, in small numbers, with two tasks held out."""
    found = plan(data_root, ON_REAL).tasks
    tasks = [f"{name}/{task}" for name, offered in found.items() for task in offered]
    return replace(ON_REAL, hold_out_tasks=two_of(tasks))


def two_of(tasks: Sequence[str]) -> tuple[str, ...]:
    """Choose two tasks by hash to hold out wholly, where there are enough to train on others."""
    chosen = sorted(tasks, key=lambda task: stable_hash("held out", task))[:2]
    return tuple(chosen) if len(tasks) >= 6 else ()
