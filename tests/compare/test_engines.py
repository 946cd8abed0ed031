"""Comparisons of answers that different engines computed: a server, and transformers."""

from pathlib import Path

import pytest

from tests.helpers.llm_server import serving
from tests.helpers.served_squares import evaluate_server, squares_server
from tests.helpers.tiny_evaluation import ToyModel, run_evaluation, tiny_build
from visionflan.compare.run import load_comparison
from visionflan.evaluate.records.header import generation_config, same_generation
from visionflan.report.run_page.page import write_report


def test_a_served_model_is_compared_with_a_checkpoint(tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "build")
    with serving(squares_server()) as server:
        evaluate_server(server, build, tmp_path / "served")
    run_evaluation(build, tmp_path / "local", ToyModel(chatty=True), limit=2)
    comparison = load_comparison(tmp_path / "local", tmp_path / "served").comparison
    assert len(comparison.pairs) > 5
    assert (comparison.only_before, comparison.only_after) == ({}, {})
    assert all(pair.before.sample_key == pair.after.sample_key for pair in comparison.pairs)
    notes = " ".join(comparison.notes)
    assert "a served model returns no log-likelihoods" in notes
    assert "different engines (run (base) by transformers, served (squares) by server)" in notes
    page = write_report(tmp_path / "served").read_text()
    assert "a served model returns no log-likelihoods" in page
    assert "computed by server with the server&#39;s own chat template" in page


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((64, "server"), (64, "float32"), True),
        ((64, "bfloat16"), (64, "vllm bfloat16"), True),
        ((64, "server"), (32, "float32"), False),
        ((64, "bfloat16"), (64, "float32"), False),
    ],
)
def test_only_the_precision_of_another_engine_may_differ(
    first: tuple[int, str], second: tuple[int, str], same: bool
) -> None:
    assert same_generation(generation_config(*first), generation_config(*second)) is same
