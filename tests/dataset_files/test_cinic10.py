import re
from collections import Counter
from pathlib import Path

import pytest

from visionflan.datasets import cinic10


@pytest.mark.parametrize("kind", ["animal", "shipping"])
def test_presence_is_asked_with_as_many_yes_as_no(kind: str) -> None:
    task = cinic10.dataset.tasks[f"object_presence_{kind}"]
    rows = [
        cinic10.Row(f"train/{label}/{index}.png", Path("x.png"), label)
        for label in cinic10.NAMES
        for index in range(2000)
    ]
    answers = Counter(example.target for row in rows if (example := task.to_example(row)))
    assert answers.keys() == {"yes", "no"}
    assert abs(answers["yes"] - answers["no"]) < 0.05 * answers.total()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("animal", cinic10.ANIMALS),
        ("shipping", cinic10.SHIPPING),
        ("transport", cinic10.TRANSPORT),
    ],
)
def test_the_instruction_names_the_answers(kind: str, names: dict[str, str]) -> None:
    instruction = cinic10.dataset.tasks[f"image_classification_{kind}"].instruction
    for name in names.values():
        assert re.search(rf"\b{name}\b", instruction)


def test_each_of_the_ten_classes_is_named_in_one_task() -> None:
    assert len(cinic10.NAMES) == 10
    assert len(cinic10.ANIMALS) + len(cinic10.TRANSPORT) + len(cinic10.SHIPPING) == 10
