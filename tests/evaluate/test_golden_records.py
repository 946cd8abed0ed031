"""The values of `records.parquet` and `evaluation.json`, held by files that SCHEMA 2 wrote.

The golden files have the columns' names of SCHEMA 3 and the values of SCHEMA 2.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from PIL import Image

from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.requests import EvalSet, Item
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.storage.instance import Turn

GOLDEN = Path(__file__).parents[1] / "golden"


class PlainColors:
    """A source whose images are named by their color."""

    path, digest = Path("source"), "source"

    def image(self, image_id: str, /) -> bytes:
        encoded = io.BytesIO()
        Image.new("RGB", (4, 3), image_id).save(encoded, "PNG")
        return encoded.getvalue()

    def describe_image_location(self, image_id: str, /) -> str:
        return image_id

    def image_group(self, image_id: str, /) -> str:
        return image_id


class FixedReply(NamedTuple):
    text: str
    num_tokens: int
    finish_reason: str


class FixedLikelihood(NamedTuple):
    sum_logprob: float


class ColorNamer:
    """A model that names red, says `It is blue` of all else, and prefers the first candidate."""

    digest, precision = "model", "exact"

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[FixedReply]:
        colors = [images_of_item[0].getpixel((0, 0)) for images_of_item in images]
        texts = ["red" if color == (255, 0, 0) else "It is blue" for color in colors]
        return [FixedReply(text, 1, "stop") for text in texts]

    def loglikelihood(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        candidates: Sequence[Sequence[str]],
    ) -> Sequence[Sequence[FixedLikelihood]]:
        return [
            [FixedLikelihood(-1.0 - n) for n in range(len(candidate_texts))]
            for candidate_texts in candidates
        ]

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        return [[] for _ in conversations]


def choice(key: str, color: str) -> Item:
    return Item(
        source=PlainColors(),
        task="toy/choose",
        instance=key[1:],
        sample_key=key,
        prompt="<image>\nWhich?",
        images=(color,),
        image_cluster=color,
        options=("red", "blue"),
        target=color,
        references=(color,),
        metric="exact_match",
        chance_score=0.5,
        majority_answer="(b) blue",
        candidates=("(a) red", "(b) blue"),
    )


def caption() -> Item:
    return Item(
        source=PlainColors(),
        task="toy/caption",
        instance="3",
        sample_key="k3",
        prompt="<image>\nDescribe it.",
        images=("blue",),
        image_cluster="blue",
        options=(),
        target="all is blue",
        references=("all is blue", "It is blue"),
        metric="cider",
    )


def task_header(metric: str) -> TaskHeader:
    return TaskHeader(
        dataset="toy",
        official_name=f"toy+{metric}",
        title=f"Toy {metric}",
        category="c",
        group="g",
        metric=metric,
        sensitive=False,
        num_train=3,
        held_out=2,
        num_train_answers=2,
        candidates=(),
        conversation=False,
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evaluate three items under every condition."""
    out = tmp_path_factory.mktemp("golden")
    first = choice("k1", "red")._replace(
        prompt_style="short",
        item_group="pair",
        categories=("colour", "one"),
        judge_context="It is red.",
    )
    items = {"toy/choose": [first, choice("k2", "blue")], "toy/caption": [caption()]}
    tasks = {"toy/choose": task_header("exact_match"), "toy/caption": task_header("cider")}
    subject = EvalSubject(model=ColorNamer(), path=Path("model"), run="run", stage="base")
    settings = EvaluationSettings(loglikelihood=True, max_new_tokens=8)
    evaluate(subject, EvalSet(items=items, tasks=tasks, sources=(PlainColors(),)), out, settings)
    return out


def test_records_keep_their_values_under_the_new_names(directory: Path) -> None:
    rows = pq.ParquetFile(directory / "records.parquet").read().to_pylist()
    rows.sort(key=lambda row: (row["task"], row["sample_key"], row["condition"]))
    assert {row.pop("schema") for row in rows} == {3}
    errors = [bool(row.pop("error")) for row in rows]
    golden = json.loads((GOLDEN / "records.json").read_bytes())
    assert [list(row) for row in rows] == [list(row) for row in golden]
    assert rows == golden
    assert errors == [row["status_official"] == "failed" for row in golden]


def test_the_header_keeps_its_values_under_the_new_names(directory: Path) -> None:
    header = json.loads((directory / "evaluation.json").read_bytes())
    assert header.pop("schema") == 3
    assert header.pop("versions").keys() == {"python", "visionflan"}
    unknown = {"known": False, "included": False, "questions": {}, "images": 0}
    assert header.pop("overlap") == unknown
    model = header.pop("model")
    assert (model["engine"], model["server"]) == ("transformers", {})
    # Wherever a command runs later, it finds the builds.
    header["source_paths"] = [Path(path).relative_to(Path.cwd()) for path in header["source_paths"]]
    header["source_paths"] = list(map(str, header["source_paths"]))
    assert header == json.loads((GOLDEN / "evaluation.json").read_bytes())
