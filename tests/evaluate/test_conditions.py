from pathlib import Path

import pytest
from PIL import ImageOps

from tests.helpers.html_reader import read
from tests.helpers.tiny_evaluation import run_evaluation, tiny_build
from visionflan.cli.main import main
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.summary import OVERALL
from visionflan.evaluate.conditions import CONDITIONS, STROKE, Condition, ImagePool
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.report.run_page.inputs import load_run
from visionflan.report.run_page.page import render_page


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a condition in which images are mirrored."""
    condition = Condition("mirrored", "mirrored images", STROKE, transform=ImageOps.mirror)
    monkeypatch.setitem(CONDITIONS, condition.name, condition)


@pytest.mark.usefixtures("mirrored")
def test_a_condition_is_evaluated_scored_and_shown_without_any_other_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tiny_build(tmp_path / "build")
    scores, records = run_evaluation(build, tmp_path / "run/evaluation/base")
    mirrored = [record for record in records if record.condition == "mirrored"]
    assert len(mirrored) == len(records) // 4
    assert {record.images_shown for record in mirrored} == {()}
    sides = {r.response for r in mirrored if r.task == "sides/side" and r.score_lenient == 0.0}
    assert sides == {"left", "right"}
    assert scores["tasks"]["sides/side"]["mirrored"]["mean"] == 0.0
    assert scores["groups"][OVERALL]["mirrored"]["mean"] > 0.5
    assert main(["score", str(tmp_path / "run")]) == 0
    assert "mirrored" in capsys.readouterr().out
    assert "mirrored images" in read(render_page(load_run(tmp_path / "run"))).text


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(EvaluationError, match="unknown condition mirrored: use original, blank"):
        EvaluationSettings(conditions=("original", "mirrored"))


def test_images_are_swapped_with_as_many_that_look_different() -> None:
    groups = {"a": "1", "b": "1", "c": "2", "d": "3", "e": "4"}
    pool = ImagePool(
        [((name,), groups.__getitem__) for name in "abc"] + [(("d", "e"), groups.__getitem__)]
    )
    assert pool.swap(("a",), "key") == ("c",)
    assert pool.swap(("c",), "key") in {("a",), ("b",)}
    assert pool.swap(("d", "e"), "key") == ()
