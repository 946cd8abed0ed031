"""Parts of the pages: images that open large, notes on short stages, signs, folded tasks."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.html_reader import narrow_rows, read, zoomable_images
from tests.helpers.tiny_evaluation import ToyModel, tiny_build
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.report.compare_page.page import page_environment
from visionflan.report.html import asset, environment
from visionflan.report.number_format import score_interval, signed, signed_number
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import render_page
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("elements") / "run"
    build: BuildDirectory = tiny_build(directory / "data", num_images=12)
    subject = EvalSubject(model=ToyModel("base"), path=directory, run="run", stage="base")
    out = directory / "evaluation/base"
    evaluate(subject, held_out_set([build]), out, EvaluationSettings())
    stages = [{"name": "base", "trainable": ["connector"], "data": {"build": None}}]
    config = {"name": "tiny", "build": str(directory / "data"), "init": {}, "stages": stages}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "base").mkdir()
    line = {"step": 5, "loss": 1.25, "elapsed_seconds": 2.0}
    (directory / "base/metrics.jsonl").write_text(f"{json.dumps(line)}\n")
    return directory


def test_every_image_of_an_example_opens_large_without_a_script(run: Path) -> None:
    text = render_page(load_run(run))
    assert len(zoomable_images(text)) == text.count("<img ") > 3
    assert "<script" not in text
    assert ".zoom:popover-open" in text


def test_images_have_ids_of_their_own_and_pages_are_written_alike_twice(run: Path) -> None:
    first, second = (render_page(load_run(run)) for _ in range(2))
    assert first == second
    ids = re.findall(r'popovertarget="([^"]+)"', first)
    assert len(ids) == len(set(ids)) > 3


def test_a_row_of_a_narrow_screen_unfolds_to_all_that_it_hides(run: Path) -> None:
    rows = narrow_rows(render_page(load_run(run)))
    tasks = json.loads((run / "evaluation/base/scores.json").read_bytes())["tasks"]
    assert len(rows) > len(tasks)  # and the averages, and the yes/no tasks
    for row in rows:
        assert row.hidden
        assert row.hidden == row.unfolded


def test_all_examples_are_folded_on_a_narrow_screen(run: Path) -> None:
    text = render_page(load_run(run))
    folded = r'<details class="fold"><summary>\d+ examples?</summary>\s*<ul class="example-grid'
    assert len(re.findall(folded, text)) == text.count('<ul class="example-grid') > 1
    assert ".fold::details-content { content-visibility: visible;" in text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 0.25, "0.10–0.25"), (-0.104, 0.25, "−0.10–0.25"), (-0.001, 0.0, "0.00–0.00")],
)
def test_an_interval_of_a_score_has_a_true_minus_sign(
    low: float, high: float, expected: str
) -> None:
    assert score_interval(Estimate(high, low, high, 3, 2)) == expected


def luminance(color: str) -> float:
    """Return the relative luminance of a color such as `#2f6690`, as WCAG 2 defines it."""
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_color_of_text_contrasts_with_the_background_in_light_and_dark() -> None:
    style = asset(environment(), "style.css") + asset(environment(), "compare.css")
    schemes = re.findall(r":root {(.*?)}", style, re.DOTALL)[:2]
    used = set(re.findall(r"[ ;{]color: var\(--(\w+)\)", style)) - {"background"}
    assert {"text", "muted", "first", "second", "third", "right", "wrong"} <= used
    for scheme in schemes:
        colors = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        background = luminance(colors["background"])
        for name in used:
            low, high = sorted([luminance(colors[name]), background])
            assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_a_stage_too_short_for_a_curve_says_so(run: Path) -> None:
    page_text = read(render_page(load_run(run))).text
    assert "loss curves" not in page_text
    assert "has no loss curve: it is so short that it recorded its loss only once" in page_text
    assert "1.25" in page_text


def test_sensitivity_to_the_phrasing_is_on_the_page(run: Path) -> None:
    assert "Sensitivity to the phrasing" not in render_page(load_run(run))
    file = run / "evaluation/base/scores.json"
    scores = json.loads(file.read_bytes())
    changed = {"mean": 0.256, "low": 0.101, "high": 0.404, "tasks": {"a/b": {}, "a/c": {}}}
    file.write_text(json.dumps(scores | {"sensitivity": changed}))
    page_text = " ".join(read(render_page(load_run(run))).text.split())
    file.write_text(json.dumps(scores))
    assert "For base it is 0.26 (0.10–0.40), over 2 tasks." in page_text


@given(st.floats(-1.2, 1.2))
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    for text, factor in ((signed_number(value), 1.0), (signed(value), 100.0)):
        number = float(text.replace("−", "-"))
        assert abs(number - factor * value) <= 0.0501
        assert (text[0] in "+−") == (number != 0)


def test_rows_without_a_conclusion_are_folded_into_one_line() -> None:
    template = page_environment().from_string(
        '{% import "compare_macros.html" as macros %}'
        '{% call(rows) macros.folded_tables(rows, "conclusion", 2) %}'
        "[{{ rows | map(attribute='name') | join }}]{% endcall %}"
    )
    undecided = "too few items to tell"
    rows = [
        {"name": name, "conclusion": undecided if name in "bd" else "no change"} for name in "abcde"
    ]
    page = read(template.render(rows=rows))
    assert "".join(page.text.split()) == ("2tasks[ac]1moretask[e]2taskswithtoofewitemstotell[bd]")
