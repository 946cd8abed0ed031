"""Write the report of a run as one HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

import visionflan
from visionflan.atomic_write import write_text
from visionflan.report import number_format
from visionflan.report.html import asset, environment
from visionflan.report.human_answers import HumanView
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.data import BuildSummary, summarize_build
from visionflan.report.run_page.examples import (
    ExampleCategory,
    ExampleGallery,
    ExampleView,
    Failure,
)
from visionflan.report.run_page.humans import human_section
from visionflan.report.run_page.inputs import RunData, StageEvaluation, load_run
from visionflan.report.run_page.response_style import (
    ResponseStyleSection,
    response_style_section,
)
from visionflan.report.run_page.scores import (
    Control,
    ScoresSection,
    SightCheck,
    all_controls,
    image_controls,
    scores_section,
    sight_checks,
)
from visionflan.report.run_page.studies import StudyEntry, study_entries
from visionflan.report.run_page.training import TrainingSection, training_section

REPORT = "report.html"


@dataclass(frozen=True, kw_only=True)
class EvaluationInfo:
    """The data and settings that one stage was evaluated with."""

    stage: str
    checkpoint: str
    num_requests: int  # each question once for each image condition
    num_clusters: int  # of images
    num_failed: int
    limit: int | None
    generation_config: str
    overlap: str  # how many questions are about images that were trained on
    engine: str  # what computed the answers
    chat_template: str
    no_likelihoods: str  # why there are none; empty if there can be


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """The values that the template of the page shows."""

    name: str
    version: str
    style: Markup
    stages: Sequence[str]
    controls: Sequence[Control]
    image_controls: Sequence[Control]
    sight_checks: Sequence[SightCheck]
    scores: ScoresSection
    humans: HumanView | None
    failures: Sequence[Failure]
    changes: Sequence[ExampleCategory]
    conversations: Sequence[ExampleView]
    response_style: ResponseStyleSection
    builds: Sequence[BuildSummary]
    missing_builds: Sequence[str]
    training: TrainingSection | None
    studies: Sequence[StudyEntry]
    evaluations: Sequence[EvaluationInfo]
    config: Mapping[str, Any]


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the report of a run, by default to its `report.html`; return the path."""
    path = out or run / REPORT
    return write_page(path, render_page(load_run(run), path))


def write_page(path: Path, text: str) -> Path:
    """Write a page atomically; return the path."""
    write_text(path, text)
    return path


def render_page(run: RunData, path: Path | None = None) -> str:
    """Render the page of a run; `path` is where it will lie, if not in the run."""
    templates = environment()
    templates.filters.update(
        score=number_format.mean_score,
        interval=number_format.score_interval,
        interval_of_change=number_format.change_interval,
        signed=number_format.signed_number,
        percent=number_format.percent,
        duration=number_format.duration,
        pretty_json=number_format.pretty_json,
    )
    page = run_page(run, asset(templates, "style.css"), path or run.run / REPORT)
    return templates.get_template("run.html").render(page=page)


def evaluation_info(evaluation: StageEvaluation) -> EvaluationInfo:
    """Return the data and settings that one stage was evaluated with."""
    header, scores = evaluation.header, evaluation.scores
    return EvaluationInfo(
        stage=evaluation.stage,
        checkpoint=header.checkpoint,
        num_requests=scores["records"],
        num_clusters=scores["images"],
        num_failed=scores["failed"],
        limit=header.limit,
        generation_config=header.generation_config,
        overlap=header.overlap.describe(),
        engine=header.model.engine,
        chat_template=header.model.chat_template,
        no_likelihoods=header.model.no_likelihoods,
    )


def run_page(run: RunData, style: Markup, path: Path) -> RunPage:
    """Compute the values that the page shows."""
    images = InlineImages(run.builds)
    gallery = ExampleGallery(run.evaluations, images)
    return RunPage(
        name=run.run.resolve().name,
        version=visionflan.__version__,
        style=style,
        stages=[evaluation.stage for evaluation in run.evaluations],
        controls=all_controls(),
        image_controls=image_controls(),
        sight_checks=list(sight_checks(run.evaluations)),
        scores=scores_section(run.evaluations),
        humans=None if run.humans is None else human_section(run.humans, run.evaluations),
        failures=gallery.failures(),
        changes=gallery.changes(),
        conversations=gallery.conversations(),
        response_style=response_style_section(run.evaluations),
        builds=[summarize_build(build, images) for build in run.builds],
        missing_builds=run.missing_builds,
        training=training_section(run),
        studies=list(study_entries(run.run, path)),
        evaluations=[evaluation_info(evaluation) for evaluation in run.evaluations],
        config=run.config,
    )
