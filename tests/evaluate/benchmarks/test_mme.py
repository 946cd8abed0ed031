"""MME: its layouts, its prompts, its rules, and the scores of its owners' tool."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.record_factory import read_by_rules, record
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.aggregate.measures import estimate, sum_by_cluster
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.evaluate.benchmarks.mme import COGNITION, PERCEPTION, SUBTASKS, benchmark
from visionflan.evaluate.metric import ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.rules.yes_no import CANDIDATES

MEASURES = {measure.name: measure for measure in benchmark.measures}
RELEASE = "MME_Benchmark_release_version"

# The scores that the owners' tool gives the answers that come with it.
PERCEPTION_SCORE, COGNITION_SCORE = 963.6114445778312, 249.64285714285714
SUBTASK_SCORES = {
    "existence": 185.0,
    "count": 88.33,
    "position": 63.33,
    "color": 75.0,
    "posters": 79.59,
    "celebrity": 47.35,
    "scene": 136.75,
    "landmark": 93.5,
    "artwork": 87.25,
    "OCR": 107.5,
    "commonsense_reasoning": 87.14,
    "numerical_calculation": 65.0,
    "text_translation": 47.5,
    "code_reasoning": 50.0,
}


def answered(part: str, image: str, target: str, answer: str) -> Record:
    """Return a record scored by both rules; `failed` is no answer at all."""
    pair_key = f"{part}/{image}"
    unscored = record(
        task=f"mme/{part}",
        image_cluster=pair_key,
        item_group=pair_key,
        target=target,
        references=(target,),
        candidates=CANDIDATES,
    )
    if answer == "failed":
        return unscored._replace(error="no answer")
    return read_by_rules(unscored._replace(response=answer), "mme")


def pair(part: str, image: str, first: str, second: str) -> list[Record]:
    """Answer the two questions about an image, of which the second one's answer is no."""
    return [answered(part, image, "Yes", first), answered(part, image, "No", second)]


def score_of(
    records: Sequence[Record], name: str, rule: ScoringRule = "official"
) -> Estimate | None:
    return estimate(records, MEASURES[name], rule)


def value(records: Sequence[Record], name: str, rule: ScoringRule = "official") -> float:
    score = score_of(records, name, rule)
    assert score is not None
    return score.mean


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert benchmark.write_specimen is not None
    benchmark.write_specimen(tmp_path)
    return tmp_path


def test_the_specimen_has_a_pair_of_every_subtask_in_both_layouts(root: Path) -> None:
    rows = list(benchmark.rows(root))
    assert Counter(row.part for row in rows) == dict.fromkeys(SUBTASKS, 2)
    assert all(
        row.item_group == row.image_cluster and row.candidates == ("Yes", "No") for row in rows
    )
    assert [row.target for row in rows] == ["Yes", "No"] * 14
    assert len({(row.part, row.key) for row in rows}) == 28
    directories = {
        row.part: row.images[0].parent.name for row in rows if isinstance(row.images[0], Path)
    }
    assert (directories["posters"], directories["count"]) == ("images", "count")
    color = next(row for row in rows if row.part == "color")
    assert color.question == "Is there a red car in the image? Please answer yes or no."


def test_the_styles_ask_in_the_words_of_the_release_and_of_llava() -> None:
    row = BenchmarkRow("color", "a:1", "Is it red?  Please answer yes or no.", "Yes")
    assert next(iter(benchmark.styles)) == "llava"
    assert benchmark.styles["official"](row) == row.question
    short = "Is it red?\nAnswer the question using a single word or phrase."
    assert benchmark.styles["llava"](row) == short


@pytest.mark.parametrize("inner", ["", "MME_Benchmark", f"{RELEASE}/MME_Benchmark"])
def test_the_release_may_be_in_any_of_the_usual_directories(
    root: Path, tmp_path: Path, inner: str
) -> None:
    before = [row._replace(images=()) for row in benchmark.rows(root)]
    moved = tmp_path / "moved" / inner
    moved.parent.mkdir(parents=True, exist_ok=True)
    (root / RELEASE).rename(moved)
    assert [row._replace(images=()) for row in benchmark.rows(tmp_path / "moved")] == before


def test_an_image_with_one_question_is_refused(root: Path) -> None:
    path = root / RELEASE / "count/0001.txt"
    path.write_text("Is there a star? Please answer yes or no.\tYes\n")
    with pytest.raises(
        ReleaseError, match=r"MME: .*count/0001.txt contains 1 question instead of two"
    ):
        list(benchmark.rows(root))


def test_a_line_without_an_answer_is_refused_by_its_number(root: Path) -> None:
    path = root / RELEASE / "OCR/0001.txt"
    path.write_text("Is it so?\tYes\nIs it so?\tMaybe\n")
    with pytest.raises(ReleaseError, match=r"MME: .*OCR/0001.txt:2 is not a question, a tab"):
        list(benchmark.rows(root))


def test_a_question_without_its_image_is_refused(root: Path) -> None:
    (root / RELEASE / "scene/images/0001.jpg").unlink()
    with pytest.raises(ReleaseError, match=r"MME: .*0001.txt asks about an image 0001"):
        list(benchmark.rows(root))


def test_a_release_without_a_subtask_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    (root / RELEASE / "landmark").rename(root / "elsewhere")
    with pytest.raises(ReleaseError, match="has no directory landmark, without which"):
        list(benchmark.rows(root))
    with pytest.raises(ReleaseError, match="put MME_Benchmark_release_version there"):
        list(benchmark.rows(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("answer", "official", "lenient"),
    [
        ("Yes", "yes", "yes"),
        ("YES.", "yes", "yes"),
        ("no", "no", "no"),
        ("No, there is none.", "no", "no"),
        ("not at all", "no", "no"),
        ("none", "no", "no"),
        ("know", "no", ""),
        (" yes", "yes", "yes"),
        ("\n\nno", "no", "no"),
        ("\n\n\nno", "", "no"),
        ("The answer is yes", "", "yes"),
        ("There is no dog", "", "no"),
        ("eyes", "yes", ""),
        ("", "", ""),
        ("I cannot tell", "", ""),
        ("yes or no", "yes", "yes"),
    ],
)
def test_the_rules_read_answers(answer: str, official: str, lenient: str) -> None:
    for target in ("Yes", "No"):
        for rule, label in (("official", official), ("lenient", lenient)):
            parsed = benchmark.rules[rule](answer, ScoringContext(target, (target,)))
            assert parsed.parsed == label
            assert parsed.score == float(label == target.lower())
            assert (parsed.status == "parsed") == bool(label)


def test_a_subtask_scores_accuracy_and_pairs() -> None:
    records = [*pair("count", "a", "yes", "no"), *pair("count", "b", "yes", "yes")]
    assert value(records, "count score") == 100 * 3 / 4 + 100 * 1 / 2
    assert value(records, "count accuracy") == 3 / 4
    assert value(records, "count accuracy+") == 1 / 2
    assert value(records, "accuracy+") == 1 / 2


def test_the_yes_rate_counts_what_is_said_and_not_what_is_true() -> None:
    records = [*pair("count", "a", "yes", "yes"), *pair("count", "b", "Well, yes", "dunno")]
    assert value(records, "count yes-rate") == 2 / 2
    assert value(records, "count yes-rate", "lenient") == 3 / 3
    assert value(records, "yes-rate") == 2 / 2
    assert value(pair("count", "c", "yes", "no"), "yes-rate") == 1 / 2
    assert score_of(pair("count", "d", "dunno", ""), "yes-rate") is None


def test_a_pair_that_is_not_complete_counts_in_no_score_and_is_reported() -> None:
    complete = pair("count", "a", "yes", "no")
    records = [*complete, *pair("count", "b", "failed", "yes"), *pair("count", "c", "no", "no")[:1]]
    assert value(records, "count score") == 200
    assert value(records, "count accuracy+") == 1
    assert value(records, "complete pairs") == 1 / 3
    assert value(records, "count accuracy") == 2 / 4
    assert score_of(records[2:], "count score") is None


def test_totals_need_every_subtask() -> None:
    perception = [r for part in PERCEPTION for r in pair(part, "a", "yes", "no")]
    assert value(perception, "perception") == 2000
    assert score_of(perception, "cognition") is None
    assert score_of(perception[2:], "perception") is None
    cognition = [r for part in COGNITION for r in pair(part, "a", "yes", "yes")]
    assert value([*perception, *cognition], "cognition") == 200
    assert (MEASURES["perception"].max, MEASURES["cognition"].max) == (2000, 800)
    assert benchmark.measures[0].name == "perception"


def test_pairs_are_drawn_within_their_subtask() -> None:
    records = [r for part in SUBTASKS for r in pair(part, "a", "yes", "no")]
    table = sum_by_cluster(records, MEASURES["perception"], "official")
    assert table.strata == [f"mme/{part}" for part in sorted(PERCEPTION)]


def test_a_likely_candidate_counts_as_said() -> None:
    unanswered = answered("count", "a", "No", "failed")
    scored = unanswered._replace(logprobs=(-1.0, -3.0), score_likelihood=0.0)
    tied = unanswered._replace(logprobs=(-2.0, -2.0), score_likelihood=0.5)
    assert value([scored], "yes-rate", "likelihood") == 1
    assert value([scored, tied], "yes-rate", "likelihood") == 0.75


@pytest.mark.shared
def test_published_answers_score_as_in_the_owners_tool(shared: Path) -> None:
    records = [r for part in SUBTASKS for r in published(shared, part)]
    assert len(records) == 2374
    assert value(records, "perception") == PERCEPTION_SCORE  # to the last digit
    assert value(records, "cognition") == COGNITION_SCORE
    for part, expected in SUBTASK_SCORES.items():
        assert value(records, f"{part} score") == pytest.approx(expected, abs=0.005)
    assert value(records, "complete pairs") == 1
    assert sum(record.status_official == "unparsed" for record in records) == 12
    assert value(records, "yes-rate") * (2374 - 12) / 2374 == pytest.approx(0.456, abs=0.0005)
    assert value(records, "position yes-rate") == pytest.approx(0.933, abs=0.0005)


def published(shared: Path, part: str) -> list[Record]:
    """Read the answers of a subtask: image, question, truth and answer on each line."""
    lines = (shared / f"oracles/mme_lavin/{part}.txt").read_text("utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line]
    return [answered(part, image, truth, answer) for image, _, truth, answer in rows]


@pytest.mark.shared
def test_the_questions_of_the_owners_tool_are_known_in_the_layout_of_the_release(
    shared: Path, tmp_path: Path
) -> None:
    for part in SUBTASKS:
        directory = tmp_path / part
        directory.mkdir()
        lines = (shared / f"oracles/mme_lavin/{part}.txt").read_text("utf-8").split("\n")
        for image, question, truth, _ in (line.split("\t") for line in lines if line):
            if not (directory / image).exists():
                Image.new("RGB", (1, 1)).save(directory / image)
            with (directory / image).with_suffix(".txt").open("a", encoding="utf-8") as text:
                text.write(f"{question}\t{truth}\n")
    rows = list(benchmark.rows(tmp_path))
    assert len(rows) == 2374
    assert benchmark.version is not None
    assert benchmark.version(tmp_path) == "the 2,374 questions of the owners' evaluation tool"
    suffix = "\nAnswer the question using a single word or phrase."
    prompts = [benchmark.styles["llava"](row) for row in rows]
    assert all(prompt.endswith(suffix) and "answer yes or no" not in prompt for prompt in prompts)
