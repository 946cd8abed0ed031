"""Run the pipeline in miniature: releases, build, training in two stages, evaluation, report."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from visionflan import catalog
from visionflan.builder.output_dir import failed_datasets
from visionflan.builder.plan import BuildSettings, plan
from visionflan.builder.run import build
from visionflan.compare import COMPARISON_DIR
from visionflan.compare.run import load_comparison
from visionflan.dataset_code import write_specimen
from visionflan.errors import BuildError
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.stages import evaluate_stages
from visionflan.hashing import stable_hash
from visionflan.recipes.tiny import tiny
from visionflan.report.compare_page.page import write_comparison
from visionflan.report.compare_page.report import ComparisonReport
from visionflan.report.run_page.page import write_report
from visionflan.train.run import train

Log = Callable[[str], None]

# The datasets whose specimens are drawn, with the number of images of each. Most are tasks that a
# tiny model can learn from 32 x 32 pixels in a few minutes; a few show what it cannot learn.
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
REAL_RELEASES = BuildSettings(max_per_task=300, hold_out_images=0.1, max_per_held_out_task=100)
EVALUATION = EvalSelection(max_new_tokens=32, limit=60)


def quickstart(out: Path, data_root: Path | None, log: Log) -> Path:
    """Run or resume the pipeline in a directory; return the path of the report."""
    out.mkdir(parents=True, exist_ok=True)
    with log_duration("1/5 releases", log):
        root = data_root or miniature_releases(out / "releases", SPECIMENS)
    settings = MINIATURE if data_root is None else real_settings(root)
    with log_duration("2/5 build", log):
        manifest = build(root, out / "build", settings, log=log)
        if failed := failed_datasets(manifest):
            message = manifest["datasets"][failed[0]]["message"]
            raise BuildError(f"{' and '.join(failed)} could not be read: {message}")
    with log_duration("3/5 train", log):
        train(replace(tiny(), build=(out / "build").resolve()), out, log=log)
    with log_duration("4/5 evaluate", log):
        evaluate_stages(out, EVALUATION, None, "auto", log)
    with log_duration("5/5 report", log):
        report = write_report(out)
        comparison = ComparisonReport.from_loaded(load_comparison(out))
        write_comparison(comparison, out / COMPARISON_DIR)
        return report


@contextmanager
def log_duration(step: str, log: Log) -> Iterator[None]:
    """Log the start and the duration of a step."""
    start = time.monotonic()
    log(f"{step} ...")
    yield
    log(f"{step}: done in {time.monotonic() - start:.0f} s")


def miniature_releases(root: Path, specimens: Mapping[str, int]) -> Path:
    """Draw the missing releases; each appears under its name only when it is complete."""
    for name, count in specimens.items():
        if not (root / name).exists():
            unfinished = root.with_name(f"{root.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            write_specimen(name, catalog.load(name), unfinished / name, count)
            root.mkdir(parents=True, exist_ok=True)
            (unfinished / name).rename(root / name)
            shutil.rmtree(unfinished)
    return root


def real_settings(data_root: Path) -> BuildSettings:
    """Return settings for a small build of all releases in `data_root`, with two tasks held out."""
    by_dataset = plan(data_root, REAL_RELEASES).tasks
    tasks = [f"{dataset}/{task}" for dataset, names in by_dataset.items() for task in names]
    return replace(REAL_RELEASES, hold_out_tasks=select_held_out(tasks))


def select_held_out(tasks: Sequence[str]) -> tuple[str, ...]:
    """Select two tasks by hash to hold out completely; none if there are fewer than six."""
    selected = sorted(tasks, key=lambda task: stable_hash("held out", task))[:2]
    return tuple(selected) if len(tasks) >= 6 else ()
