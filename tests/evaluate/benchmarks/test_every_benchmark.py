"""Every benchmark, ours or installed, reads its specimen, prompts with every image, and scores."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from PIL import Image

from tests.helpers.paper_benchmarks import JUDGED, OF_THE_PAPER
from tests.helpers.tiny_evaluation import ToyReply
from visionflan.cli.main import main
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError, UnknownNameError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import estimate
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.demo import specimen_release
from visionflan.evaluate.metric import PARSING_RULES, RULES
from visionflan.evaluate.models.cached import pixels_digest
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import Record, read_records
from visionflan.evaluate.requests import EvalSet, Item
from visionflan.evaluate.run import evaluate, rescore
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.image_files import decode_image
from visionflan.overlaps import EVALUATIONS
from visionflan.plugins import Plugin
from visionflan.storage.instance import Turn
from visionflan.vocabulary import LICENSES

NAMES = benchmarks.names()


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BenchmarkRelease]:
    root = tmp_path_factory.mktemp("benchmarks")
    return {name: specimen_release(name, root / name) for name in NAMES}


class Weight(NamedTuple):
    sum_logprob: float


class OracleModel:
    """A model that answers every question right, or every question wrong."""

    precision = "exact"

    def __init__(self, eval_set: EvalSet, *, wrong: bool = False) -> None:
        self.digest, self.wrong = "oracle", wrong
        self.items = {
            (item.prompt, image_digests(item)): item
            for items in eval_set.items.values()
            for item in items
        }

    def item_of(self, turns: Sequence[Turn], images: Sequence[Image.Image]) -> Item:
        return self.items[turns[-1].text, tuple(map(pixels_digest, images))]

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> list[ToyReply]:
        items = map(self.item_of, conversations, images)
        return [ToyReply(self.one(item), 1, "stop") for item in items]

    def one(self, item: Item) -> str:
        if not item.candidates:
            return "zzz" if self.wrong else item.target
        return next(c for c in item.candidates if is_right(item, c) != self.wrong)

    def loglikelihood(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        candidates: Sequence[Sequence[str]],
    ) -> list[list[Weight]]:
        items = map(self.item_of, conversations, images)
        return [[Weight(float(c == self.one(item))) for c in item.candidates] for item in items]

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        return [list(turns[-1].text.encode()) for turns in conversations]


def image_digests(item: Item) -> tuple[str, ...]:
    return tuple(pixels_digest(decode_image(item.source.image(image))) for image in item.images)


def is_right(item: Item, candidate: str) -> bool:
    if item.options:
        return item.candidates.index(candidate) == item.options.index(item.target)
    return candidate.lower() == item.target.lower()


def run_benchmark(
    release: BenchmarkRelease, out: Path, *, wrong: bool = False, limit: int | None = None
) -> tuple[dict[str, object], list[Record]]:
    eval_set = release.eval_set()
    subject = EvalSubject(
        model=OracleModel(eval_set, wrong=wrong), path=out, run="run", stage="base"
    )
    settings = EvaluationSettings(conditions=("original",), limit=limit, loglikelihood=True)
    return evaluate(subject, eval_set, out, settings), read_records(out / RECORDS)


def test_the_benchmarks_of_the_paper_are_there() -> None:
    assert set(NAMES) >= OF_THE_PAPER


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_declares_all_that_users_need(name: str) -> None:
    benchmark = benchmarks.load(name)
    assert benchmark.title in EVALUATIONS or name not in OF_THE_PAPER
    assert benchmark.license in {*LICENSES, "unknown"}
    assert benchmark.homepage.startswith("http")
    assert all(
        [
            benchmark.read,
            benchmark.write_specimen,
            benchmark.version,
            benchmark.styles,
            benchmark.layout,
        ]
    )
    assert benchmark.rules.keys() == set(PARSING_RULES) or benchmark.rubric is not None
    assert len({measure.name for measure in benchmark.measures}) == len(benchmark.measures) > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_release_reads_the_same_twice(
    name: str, releases: dict[str, BenchmarkRelease], tmp_path: Path
) -> None:
    again = specimen_release(name, tmp_path / name)
    assert again.digest == releases[name].digest
    assert again.data_version
    keys = [(row.part, row.key) for row in again.rows]
    assert len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_style_asks_every_row_and_shows_every_image(
    name: str, releases: dict[str, BenchmarkRelease]
) -> None:
    release = releases[name]
    for style in release.benchmark.styles:
        items = [item for members in release.eval_set(style).items.values() for item in members]
        assert len(items) == len(release.rows)
        for item in items:
            assert item.prompt.count(IMAGE_MARKER) == len(item.images)
            assert item.prompt.replace(IMAGE_MARKER, "").strip()
            assert item.prompt_style == style
            for image in item.images:
                assert Image.open(io.BytesIO(release.image(image))).size > (0, 0)


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("name", sorted(OF_THE_PAPER - JUDGED))
def test_all_right_gets_the_best_and_all_wrong_gets_nothing(
    name: str, wrong: bool, releases: dict[str, BenchmarkRelease], tmp_path: Path
) -> None:
    headline = releases[name].benchmark.measures[0]
    _, records = run_benchmark(releases[name], tmp_path / "base", wrong=wrong)
    closed = all(record.candidates for record in records)
    assert closed or name == "mmmu"
    for rule in RULES if closed else PARSING_RULES:
        score = estimate(records, headline, rule)
        assert score is not None
        assert score.mean == pytest.approx(0.0 if wrong else headline.max)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_computed_again_from_records_whatever_their_order(
    name: str, releases: dict[str, BenchmarkRelease], tmp_path: Path
) -> None:
    scores, records = run_benchmark(releases[name], tmp_path / "base")
    assert rescore(tmp_path / "base") == scores
    for measure in releases[name].benchmark.measures:
        for rule in RULES:
            there = estimate(records, measure, rule)
            assert estimate(records[::-1], measure, rule) == there


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_keeps_complete_groups(
    name: str, releases: dict[str, BenchmarkRelease], tmp_path: Path
) -> None:
    release = releases[name]
    complete = [record.item_group for record in run_benchmark(release, tmp_path / "all")[1]]
    few = [record.item_group for record in run_benchmark(release, tmp_path / "few", limit=2)[1]]
    assert 0 < len(few) <= len(complete)
    for group in filter(None, set(few)):
        assert few.count(group) == complete.count(group)


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_without_its_files_is_reported_in_one_sentence(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match=f"visionflan benchmarks {name}"):
        BenchmarkRelease(name, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match=f"^{name} cannot be read") as caught:
        BenchmarkRelease(name, tmp_path / "empty")
    assert "empty" in str(caught.value)


def test_a_question_that_a_part_asks_twice_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = Benchmark(title="Twice", homepage="", license="MIT", citation="", layout="")
    row = BenchmarkRow(part="one", key="0", question="Yes or no?", target="yes")
    twice.reader(lambda root: [row, row._replace(key="1")])
    twice.style("plain")(lambda row: row.question)
    monkeypatch.setattr(benchmarks, "load", lambda name: twice)
    items = BenchmarkRelease("twice", Path()).eval_set().items["twice/one"]
    assert len({item.sample_key for item in items}) == 2


def test_another_package_can_bring_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = ModuleType("my_lab")
    lab.benchmark = Benchmark(  # type: ignore[attr-defined]
        title="Mine", homepage="", license="MIT", citation="", layout=""
    )
    monkeypatch.setitem(sys.modules, "my_lab", lab)
    monkeypatch.setattr(benchmarks.BENCHMARKS, "installed", {"mine": Plugin("my_lab", "lab")})
    assert "mine" in benchmarks.names()
    assert benchmarks.load.__wrapped__("mine").title == "Mine"
    with pytest.raises(UnknownNameError, match="did you mean mine"):
        benchmarks.load.__wrapped__("mien")


def test_an_unknown_style_is_answered_with_those_there_are(
    releases: dict[str, BenchmarkRelease],
) -> None:
    with pytest.raises(UnknownNameError, match="use llava, official"):
        releases["pope"].eval_set("lava")


def test_benchmarks_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmarks"]) == 0
    header, *lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert header.split() == ["benchmark", "title", "scored", "by", "license"]
    assert [line.split()[0] for line in lines] == NAMES
    assert [line.split()[0] for line in lines if "a judge" in line] == ["llava_bench", "mm_vet"]
    assert main(["benchmarks", "pope"]) == 0
    output = capsys.readouterr().out
    assert "coco_pope_random.json" in output
    assert "prompt styles: llava" in output
