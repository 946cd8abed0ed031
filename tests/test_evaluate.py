import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_evaluation import TASKS, Looker, Said, tiny_build

from visionflan.build.conversations import write_conversations
from visionflan.build.directory import BuildDirectory
from visionflan.build.instance import Turn
from visionflan.cli.main import main
from visionflan.errors import EvaluationError
from visionflan.evaluate.items import asks, held_out, joined, limited
from visionflan.evaluate.places import builds, evaluations, matching
from visionflan.evaluate.records import CONDITIONS, JOURNAL, RECORDS, Record, read_records
from visionflan.evaluate.run import EvaluationSettings, Subject, evaluate, rescore
from visionflan.evaluate.summary import HELD_OUT, OVERALL, TRAINED

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build")


def ask(
    build: BuildDirectory, out: Path, model: Looker | None = None, **settings: Any
) -> tuple[dict[str, Any], list[Record]]:
    return ask_all([build], out, model, **settings)


def ask_all(
    held: Sequence[BuildDirectory], out: Path, model: Looker | None = None, **settings: Any
) -> tuple[dict[str, Any], list[Record]]:
    subject = Subject(answerer=model or Looker(), path=out, run="run", phase="base")
    scores = evaluate(subject, held, out, EvaluationSettings(**settings))
    return scores, read_records(out / RECORDS)


def test_every_held_out_item_is_asked_once_under_each_condition(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, records = ask(build, tmp_path / "base")
    expected = build.manifest["totals"]["held_out"]
    assert Counter(record.condition for record in records) == {
        "true": expected,
        "blank": expected,
        "swapped": expected,
    }
    assert len({record.place for record in records}) == len(records)
    assert {record.task for record in records} == set(TASKS)
    assert scores["failed"] == 0


def test_a_model_that_looks_is_told_from_one_that_does_not(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = ask(build, tmp_path / "base")
    overall = scores["groups"][OVERALL]
    assert overall["score"]["mean"] == 1.0
    assert overall["blank"]["high"] < 0.5
    assert overall["swapped"]["high"] < 0.6
    assert overall["chance"]["mean"] == pytest.approx((1 / 4 + 1 / 4 + 1 / 2 + 1 / 2) / 4)


def test_tasks_without_a_common_scale_and_free_talk_are_shown_and_not_averaged(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = ask(build, tmp_path / "base")
    assert scores["groups"][OVERALL]["score"]["tasks"] == 4
    assert scores["groups"][TRAINED]["score"]["tasks"] == 3
    assert scores["groups"][HELD_OUT]["score"]["tasks"] == 1
    assert scores["tasks"]["shapes/caption"]["score"]["mean"] > 1
    assert scores["tasks"]["talk/chat"]["conversation"]


def test_the_majority_is_what_training_said_most(build: BuildDirectory, tmp_path: Path) -> None:
    _, records = ask(build, tmp_path / "base")
    said = Counter(
        instance.target for instance in build.instances("train", ["shapes/colour"])
    ).most_common()
    best = min(answer for answer, count in said if count == said[0][1])
    for record in records:
        if record.task == "shapes/colour":
            assert record.majority == best
        if record.task == "sides/side":
            assert record.majority is None
        if record.task == "shapes/choose":
            assert record.majority is not None
            assert record.majority[0] == "("


class Watcher(Looker):
    """A model that keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Image.Image] = []

    def one(self, asked: str, image: Image.Image, most: int) -> Said:
        self.shown.append(image)
        return super().one(asked, image, most)


def test_grey_pictures_have_the_size_of_the_true_ones(
    build: BuildDirectory, tmp_path: Path
) -> None:
    watcher = Watcher()
    ask(build, tmp_path / "base", watcher, conditions=("blank",), limit=3)
    assert {image.size for image in watcher.shown} == {(48, 32)}
    assert {image.tobytes() for image in watcher.shown} == {bytes([127]) * 48 * 32 * 3}


def test_a_swapped_picture_is_another_one_of_the_same_task(
    build: BuildDirectory, tmp_path: Path
) -> None:
    _, records = ask(build, tmp_path / "base")
    of_task = {task: {r.images for r in records if r.task == task} for task in TASKS}
    for record in records:
        if record.condition == "swapped":
            assert record.shown in of_task[record.task]
            groups = {build.image_group(image) for image in record.images}
            assert groups.isdisjoint(build.image_group(image) for image in record.shown)
        if record.condition == "true":
            assert record.shown == record.images
        if record.condition == "blank":
            assert record.shown == ()


def test_an_item_that_no_other_picture_can_replace_is_missing_data(tmp_path: Path) -> None:
    alone = tiny_build(tmp_path / "build", pictures=1)
    tasks = ("sides/side",)
    items = held_out([alone], tasks).items["sides/side"]
    only = [item for item in items if item.instance.key == items[0].instance.key]
    (swapped,) = asks(only, only, ["swapped"])
    assert swapped.shown == ()


def test_a_question_about_no_picture_is_asked_once(build: BuildDirectory) -> None:
    item = held_out([build]).items["shapes/colour"][0]
    bare = item._replace(instance=item.instance._replace(images=()))
    assert [ask.condition for ask in asks([bare], [bare], CONDITIONS)] == ["true"]


def test_a_limit_takes_whole_images_and_the_same_ones_when_it_grows(build: BuildDirectory) -> None:
    items = held_out([build]).items
    for members in items.values():
        few, more = limited(members, 7), limited(members, 15)
        assert 7 <= len(few) < len(members)
        assert {item.key for item in few} < {item.key for item in more}
        taken = {item.cluster for item in few}
        assert [item for item in members if item.cluster in taken] == few


def test_images_that_are_shown_together_are_one_cluster(build: BuildDirectory) -> None:
    first, second, third, *_ = held_out([build]).items["shapes/colour"]

    def showing(item: Any, *images: str) -> Any:
        return item._replace(instance=item.instance._replace(images=images), cluster=images[0])

    items = [showing(first, "b", "c"), showing(second, "c", "a"), showing(third, "d")]
    assert [item.cluster for item in joined({"t": items})["t"]] == ["a", "a", "d"]


def test_weights_that_changed_are_asked_anew_and_the_old_answers_set_aside(
    build: BuildDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "base"
    ask(build, out, Looker("old"), limit=4)
    again = Looker("old")
    ask(build, out, again, limit=4)
    assert again.batches == []
    other = Looker("new")
    _, records = ask(build, out, other, limit=4)
    assert sum(other.batches) == len(records)
    assert {record.checkpoint for record in records} == {"new"}
    (aside,) = (tmp_path / "earlier").iterdir()
    assert {record.checkpoint for record in read_records(aside / RECORDS)} == {"old"}


def test_other_settings_do_not_mix_with_earlier_answers(
    build: BuildDirectory, tmp_path: Path
) -> None:
    ask(build, tmp_path / "base", limit=4)
    cut = Looker()
    _, records = ask(build, tmp_path / "base", cut, limit=4, max_new_tokens=2)
    assert sum(cut.batches) == len(records)
    assert {r.finish_reason for r in records if r.task == "shapes/caption"} == {"length"}
    assert {r.status for r in records if r.task == "shapes/caption"} == {"truncated"}


def test_more_items_and_tasks_are_added_to_what_is_there(
    build: BuildDirectory, tmp_path: Path
) -> None:
    ask(build, tmp_path / "base", limit=4, tasks=("shapes/colour",))
    more = Looker()
    scores, records = ask(build, tmp_path / "base", more, tasks=("shapes/caption",), limit=4)
    assert {record.task for record in records} == {"shapes/colour", "shapes/caption"}
    assert set(scores["tasks"]) == {"shapes/colour", "shapes/caption"}
    assert sum(more.batches) == sum(record.task == "shapes/caption" for record in records)


class Small(Looker):
    """A model whose memory holds five pictures."""

    def answer(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[Said]:
        if len(conversations) > 5:
            raise MemoryError("no room")
        return super().answer(conversations, images, max_new_tokens)


def test_a_batch_that_does_not_fit_is_halved(build: BuildDirectory, tmp_path: Path) -> None:
    small = Small()
    _, records = ask(build, tmp_path / "small", small, batch_size=64, limit=6)
    assert max(small.batches) == 4
    _, expected = ask(build, tmp_path / "large", batch_size=64, limit=6)
    assert records == expected


class Stumbling(Looker):
    """A model that fails at one question."""

    def one(self, asked: str, image: Image.Image, most: int) -> Said:
        if "Is the square" in asked:
            raise ValueError("a question too hard")
        return super().one(asked, image, most)


def test_what_fails_is_recorded_and_ends_nothing(build: BuildDirectory, tmp_path: Path) -> None:
    scores, records = ask(build, tmp_path / "base", Stumbling(), limit=5)
    failed = [record for record in records if record.error]
    assert {record.task for record in failed} == {"shapes/exists"}
    assert {record.status for record in failed} == {"failed"}
    assert {record.score_lenient for record in failed} == {None}
    assert "a question too hard" in failed[0].error
    assert scores["failed"] == len(failed)
    assert scores["tasks"]["shapes/exists"]["score"] is None
    assert scores["groups"][OVERALL]["score"]["tasks"] == 3
    mended = Looker()
    scores, _ = ask(build, tmp_path / "base", mended, limit=5)
    assert sum(mended.batches) == len(failed)
    assert scores["failed"] == 0


def test_when_nothing_is_answered_the_reason_is_told(build: BuildDirectory, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="a question too hard"):
        ask(build, tmp_path / "base", Stumbling(), tasks=("shapes/exists",), limit=2)


def test_scores_are_computed_again_from_records_alone(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, records = ask(build, tmp_path / "base")
    kept = (tmp_path / "base" / RECORDS).read_bytes()
    assert rescore(tmp_path / "base") == scores
    assert (tmp_path / "base" / RECORDS).read_bytes() == kept
    assert json.loads((tmp_path / "base" / "scores.json").read_bytes()) == json.loads(
        json.dumps(scores)
    )
    assert len(records) == scores["records"]


def test_chatty_answers_lose_the_official_score_and_keep_the_lenient_one(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = ask(build, tmp_path / "chat", Looker(chatty=True))
    overall = scores["groups"][OVERALL]
    assert overall["score"]["mean"] == 1.0
    assert overall["official"]["mean"] < 0.3
    assert scores["tasks"]["shapes/colour"]["diagnostics"]["contains"] == 1.0


def test_yes_rates_come_from_what_was_said(build: BuildDirectory, tmp_path: Path) -> None:
    class Agreeable(Looker):
        def words(self, asked: str, colour: str, side: str) -> str:
            return "Yes" if "Is the square" in asked else super().words(asked, colour, side)

    scores, _ = ask(build, tmp_path / "base", Agreeable())
    yes = scores["tasks"]["shapes/exists"]["yes"]
    assert yes["yes_rate"] == 1.0
    assert 0.2 < yes["truth"] < 0.8
    assert yes["sensitivity"] == pytest.approx(0.0, abs=0.2)
    assert yes["criterion"] < -1
    assert scores["tasks"]["shapes/colour"]["yes"] is None


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_evaluate import Slow, ask
from visionflan.build.conversations import write_conversations
from visionflan.build.directory import BuildDirectory
ask(BuildDirectory(Path(sys.argv[2])), Path(sys.argv[3]), Slow(), batch_size=8)
"""


class Slow(Looker):
    """A model that takes its time."""

    def one(self, asked: str, image: Image.Image, most: int) -> Said:
        time.sleep(0.002)
        return super().one(asked, image, most)


@pytest.mark.parametrize("answers", [1, 30])
def test_killed_and_run_again_it_gives_the_same_records(
    build: BuildDirectory, tmp_path: Path, answers: int
) -> None:
    out = tmp_path / "base"
    words = [sys.executable, "-c", KILLED, str(HERE), str(build.path), str(out)]
    with subprocess.Popen(words, start_new_session=True) as process:
        while process.poll() is None:
            journal = out / JOURNAL
            if journal.exists() and journal.read_bytes().count(b"\n") >= answers:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    before = (out / JOURNAL).read_bytes().count(b"\n")
    again = Looker()
    _, records = ask(build, out, again)
    assert sum(again.batches) == len(records) - before
    _, expected = ask(build, tmp_path / "whole")
    assert records == expected
    assert not (out / JOURNAL).exists()


def test_a_build_that_holds_nothing_out_is_refused_in_words(build: BuildDirectory) -> None:
    with pytest.raises(EvaluationError, match="holds nothing out of shapes/none"):
        held_out([build], ["shapes/none"])
    with pytest.raises(EvaluationError, match="no task of the build is named nothing"):
        matching(["nothing*"], [build])
    assert matching(["shapes/c*"], [build]) == ("shapes/caption", "shapes/choose", "shapes/colour")


def test_a_run_is_asked_what_it_was_trained_on(build: BuildDirectory, tmp_path: Path) -> None:
    own = write_conversations(build, tmp_path / "conversations", 20)
    other = {"data": {"build": str(tmp_path / "not there")}}
    config = {"build": str(build.path), "stages": [{"data": {"build": None}}, other]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = builds([], tmp_path)
    assert [each.digest for each in found] == [build.digest, own.digest]
    scores, _ = ask_all(found, tmp_path / "base")
    assert scores["tasks"]["conversations/question"]["conversation"]
    assert scores["groups"][OVERALL]["score"]["tasks"] == 4
    assert [each.digest for each in builds([build.path], tmp_path)] == [build.digest]
    with pytest.raises(EvaluationError, match="with `--build`"):
        builds([], tmp_path / "elsewhere")


def test_the_same_task_in_two_builds_is_refused(build: BuildDirectory) -> None:
    with pytest.raises(EvaluationError, match="two of the builds"):
        held_out([build, build])


def test_a_run_is_scored_from_the_command_line(
    build: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(build, tmp_path / "run/evaluation/base", limit=5)
    ask(build, tmp_path / "run/evaluation/chat", Looker("chat", chatty=True), limit=5)
    ask(build, tmp_path / "run/evaluation/start", limit=5)
    found = [place.name for place in evaluations(tmp_path / "run")]
    assert found == ["start", "base", "chat"]
    assert main(["score", str(tmp_path / "run"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["groups"][OVERALL]["score"]["mean"] for each in told] == [1.0, 1.0, 1.0]
    assert main(["score", str(tmp_path / "run/evaluation/base" / RECORDS)]) == 0
    assert "all tasks" in capsys.readouterr().out
    assert main(["score", str(tmp_path)]) == 1
    assert "holds no evaluation" in capsys.readouterr().err


def test_scoring_needs_no_torch() -> None:
    code = (
        "import sys; import visionflan.cli.score, visionflan.evaluate.run, "
        "visionflan.evaluate.places; assert 'torch' not in sys.modules; "
        "assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
