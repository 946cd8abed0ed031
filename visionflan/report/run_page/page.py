"""Write the page: gather what it tells, and fill the template."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import visionflan
from visionflan.atomic_write import write_text
from visionflan.report.html import environment, style
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.data import built
from visionflan.report.run_page.examples import ExampleGallery
from visionflan.report.run_page.inputs import RunData, load_run
from visionflan.report.run_page.response_style import STATUS_LABELS, length_chart, styles, yes_rows
from visionflan.report.run_page.scores import rows, shared, sight_checks
from visionflan.report.run_page.training import stage_summaries, start


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the report of a run, by default as its `report.html`, and give its path."""
    return write_page(out or run / "report.html", page(load_run(run)))


def write_page(path: Path, text: str) -> Path:
    """Write a page whole, and give its path."""
    write_text(path, text)
    return path


def page(material: RunData) -> str:
    """Fill the template."""
    pages = environment()
    filters: dict[str, Callable[[Any], str]] = {
        "score": score,
        "interval": interval,
        "change": change,
        "signed": signed,
        "percent": percent,
        "duration": duration,
        "pretty": pretty,
    }
    pages.filters.update(filters)
    template = pages.get_template("report.html")
    return template.render(
        style=style(pages), version=visionflan.__version__, **template_context(material)
    )


def template_context(material: RunData) -> dict[str, Any]:
    """Gather all that the page tells."""
    pictures = InlineImages(material.builds)
    gallery = ExampleGallery(material.evaluated, pictures)
    groups, tasks = rows(material.evaluated)
    return {
        "name": material.run.resolve().name,
        "material": material,
        "phases": [each.phase for each in material.evaluated],
        "comparable": shared(material.evaluated),
        "sights": list(sight_checks(material.evaluated)),
        "builds": [built(build, pictures) for build in material.builds],
        "made": stage_summaries(material),
        "start": start(material),
        "groups": groups,
        "tasks": tasks,
        "failures": gallery.failures(),
        "kinds": gallery.kinds() if len(material.evaluated) > 1 else [],
        "talks": gallery.talks(),
        "styles": styles(material.evaluated),
        "lengths": length_chart(material.evaluated),
        "yes_rows": yes_rows(material.evaluated),
        "meanings": STATUS_LABELS,
    }


def score(estimate: Mapping[str, Any] | None) -> str:
    """Write the mean of an estimate."""
    return "–" if not estimate else f"{estimate['mean']:.2f}"


def interval(estimate: Mapping[str, Any] | None) -> str:
    """Write the interval of an estimate."""
    if not estimate or estimate["low"] is None:
        return ""
    return f"{estimate['low']:.2f}–{estimate['high']:.2f}"


def change(estimate: Any) -> str:
    """Write a change with its sign."""
    return "–" if estimate is None else signed(estimate.mean)


def signed(value: float | None) -> str:
    """Write a number with its sign."""
    return "–" if value is None else f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def percent(share: float | None) -> str:
    """Write a share in per cent."""
    return "–" if share is None else f"{100 * share:.0f} %"


def duration(seconds: float | None) -> str:
    """Write a time as a person says it."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def pretty(value: Any) -> str:
    """Write settings as JSON that a person can read."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
