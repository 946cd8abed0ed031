"""Each claim of each study, from answers with its effect, with the opposite, and with none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.planted_answers import PLANTERS
from tests.helpers.planted_study import NOISE, SCALES, plan, plant
from visionflan.analysis.arm_outputs import ArmOutputs, image_group
from visionflan.analysis.claims import Claim
from visionflan.analysis.results import collect_results
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load, names
from visionflan.analysis.studies.forgetting import WIDEST

GOLDEN = Path(__file__).parents[1] / "golden"
EFFECT = 0.15  # beyond the boundary of a claim


def claims() -> Iterator[tuple[str, str]]:
    """Yield each study with each of its claims."""
    for study in names():
        yield from ((study, claim.name) for claim in load(study).claims)


def contrasts(claim: Claim) -> dict[str, float]:
    """Return a contrast for each verdict."""
    effect = SCALES.get(claim.measure, 1.0) * EFFECT
    support, contradiction = claim.support, claim.contradiction
    return {
        "supported": support.value + support.side * effect,
        "contradicted": contradiction.value + contradiction.side * effect,
        "undecided": contradiction.value,
    }


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory of benchmarks with one that a judge scores."""
    root = tmp_path_factory.mktemp("benchmarks")
    (root / "llava_bench").mkdir()
    return root


def find_claim(study: str, name: str) -> Claim:
    return next(claim for claim in load(study).claims if claim.name == name)


def test_claims_stand_as_they_were_declared_before_the_runs() -> None:
    declared = [
        f"{study} {name}: {claim.measure} of {claim.contrast}, {claim.direction} by "
        f"{claim.smallest:g}"
        for study, name in claims()
        for claim in (find_claim(study, name),)
    ]
    assert declared == (GOLDEN / "claims.txt").read_text().splitlines()


def test_every_measure_of_a_claim_can_be_planted() -> None:
    listed = list(claims())
    assert len({study for study, _ in listed}) == len(names()) == 10
    assert {find_claim(*pair).measure for pair in listed} == set(PLANTERS)


@pytest.mark.parametrize("status", ["supported", "contradicted", "undecided"])
@pytest.mark.parametrize(("study", "name"), list(claims()))
def test_a_claim_follows_from_the_answers(
    study: str, name: str, status: str, data_root: Path, tmp_path: Path
) -> None:
    claim = find_claim(study, name)
    contrast = contrasts(claim)[status]
    results = plant(plan(study, data_root), claim, contrast, Store(tmp_path))
    (verdict,) = (verdict for verdict in results.verdicts if verdict.claim == claim)
    scale = SCALES.get(claim.measure, 1.0)
    assert verdict.values == pytest.approx([contrast + scale * noise for noise in NOISE], abs=1e-9)
    assert verdict.status == status


def test_without_a_judge_the_preference_is_not_testable(tmp_path: Path) -> None:
    claim = find_claim("synthetic", "style")
    results = plant(plan("synthetic"), claim, 0.3, Store(tmp_path))
    (preference,) = (v for v in results.verdicts if v.claim.name == "preference")
    assert preference.status == "not_testable"
    assert "no judge has scored its answers to LLaVA-Bench; name the release" in preference.sentence


def test_sets_whose_images_were_all_trained_on_leave_forgetting_undecided(tmp_path: Path) -> None:
    claim = find_claim("forgetting", "base_forgets_less")
    study_plan, store = plan("forgetting"), Store(tmp_path)
    plant(study_plan, claim, -0.2, store)
    for header in tmp_path.rglob("evaluation.json"):
        header.write_text(header.read_text().replace('/test": 0', '/test": 3'))
    (verdict,) = collect_results(study_plan, store, {}, "").verdicts
    assert verdict.status == "not_testable"
    assert "has no forgotten: every set has images that were trained on" in verdict.reason


def test_images_that_were_trained_on_count_as_a_share_of_all_questions(tmp_path: Path) -> None:
    claim, store = find_claim("forgetting", "base_forgets_less"), Store(tmp_path)
    study_plan = plan("forgetting")
    plant(study_plan, claim, -0.2, store)
    replicate, arms = study_plan.replicates[0]
    complete = ArmOutputs(arms["base"], replicate, store)
    rest = complete.without(image_group(complete.benchmark("mnist", WIDEST)[0]))
    assert not rest.benchmark("mnist", WIDEST)
    assert rest.seen_share("mnist", WIDEST) == complete.seen_share("mnist", WIDEST) == 3 / 200
    assert complete.seen_share("nothing", WIDEST) is None
