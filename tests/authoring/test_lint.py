"""Each fault that `visionflan check` knows is found where it is, and not where it is not."""

import re
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.authoring.scaffold import dataset_file

SOUND = dataset_file("flawed_lab", "Flawed Lab")
INSTRUCTION = "Name the geometric figure drawn in the picture of the Flawed Lab collection."


def findings(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Check a dataset file with this source and give the codes of what is found."""
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    path = tmp_path / "flawed_lab.py"
    path.write_text(source)
    catalog.add_file(path)
    found = {finding.code for finding in lint.check(["flawed_lab"])}
    catalog.load.cache_clear()
    return found


def test_the_first_version_of_a_file_has_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(SOUND, tmp_path, monkeypatch) == set()


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("missing_comma", 'lines = ["file,label"]', 'lines = ["file,label" ""]'),
        ("no_capital", INSTRUCTION, INSTRUCTION.lower()),
        ("doubled_word", "Name the geometric", "Name the the geometric"),
        ("fused_sentence", "collection. Answer", "collection.Answer"),
        ("placeholder", "geometric figure", "{figure}"),
        ("misspelt", "geometric figure", "figure of the gorup"),
        ("instruction_length", r"Name the.*article\.", "Name it."),
        ("constant_target", "target=row.label", 'target="circle"'),
        ("leaked_answer", "target=row.label", "target=row.label, text=row.label"),
        ("untidy_words", "target=row.label", 'target=f"{row.label} "'),
        ("no_example", "return Example(image=row.image, target=row.label)", "return None"),
        ("repeated_key", 'yield Row(line["file"],', 'yield Row("same",'),
        ("missing_picture", "image=row.image", 'image=row.image / "none"'),
        (
            "unreachable_option",
            "target=row.label",
            'target=row.label, options=(*sorted(SHAPES), "cone")',
        ),
        ("unstable_reader", "yield Row(", "yield Row(str(id(line)) + "),
    ],
)
def test_a_fault_is_found(
    code: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flawed = re.sub(old if "\\" in old else re.escape(old), lambda _: new, SOUND, flags=re.DOTALL)
    flawed = flawed if flawed != SOUND else SOUND.replace(*across_lines(old, new))
    assert flawed != SOUND
    assert code in findings(flawed, tmp_path, monkeypatch)


def across_lines(old: str, new: str) -> tuple[str, str]:
    """Find the words in the source although a line ends between them."""
    found = re.search(r"\s+".join(map(re.escape, old.split())), SOUND)
    assert found, f"{old!r} does not stand in the first version of a file"
    return found.group(), new


def test_an_instruction_that_is_nearly_another_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SOUND[SOUND.index("@dataset.task(") :]
    twin = task.replace("def figure_recognition", "def figure_naming").replace("one word", "a word")
    assert "alike" in findings(f"{SOUND}\n\n{twin}", tmp_path, monkeypatch)
