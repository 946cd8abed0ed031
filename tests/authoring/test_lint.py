"""Each problem that `visionflan check` knows is reported where it is, and only there."""

import re
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.authoring.scaffold import dataset_file

SOUND = dataset_file("flawed_lab", "Flawed Lab")
INSTRUCTION = "Name the geometric figure drawn in the picture of the Flawed Lab collection."


def findings(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Check a dataset file with this source and return the codes of its findings."""
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    path = tmp_path / "flawed_lab.py"
    path.write_text(source)
    catalog.add_file(path)
    codes = {finding.code for finding in lint.check(["flawed_lab"])}
    catalog.load.cache_clear()
    return codes


def test_the_first_version_of_a_file_has_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(SOUND, tmp_path, monkeypatch) == set()


def test_the_first_version_of_a_file_names_splits_groups_and_phrasings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_split", "split_field", "no_group", "group_field", "phrasing"):
        assert name in SOUND
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    path = tmp_path / "flawed_lab.py"
    # What the comments tell to do works.
    source = SOUND.replace("    label: str\n", '    label: str\n    split: str = "test"\n')
    path.write_text(re.sub(r"no_split=.*", 'split_field="split",', source))
    dataset = catalog.load(catalog.add_file(path))
    catalog.load.cache_clear()
    dataset.write_specimen(tmp_path / "flawed_lab", 3)
    rows = list(dataset.rows(tmp_path / "flawed_lab"))
    assert [dataset.official_split(row) for row in rows] == ["test"] * 3
    assert len(dataset.tasks["figure_recognition"].phrasings) == 2


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("missing_comma", 'lines = ["file,label"]', 'lines = ["file,label" ""]'),
        ("no_capital", INSTRUCTION, INSTRUCTION.lower()),
        ("doubled_word", "Name the geometric", "Name the the geometric"),
        ("fused_sentence", "collection. Answer", "collection.Answer"),
        ("placeholder", "geometric figure", "{figure}"),
        ("misspelled", "geometric figure", "figure of the gorup"),
        ("misspelled", "geometric figure", "colour of the figure"),
        ("old_fashioned", "geometric figure", "manner of the figure"),
        ("hidden_labels", 'such as "circle"', "and nothing else"),
        ("impossible_example", '"circle"', '"ball"'),
        ("unnamed_text", "target=row.label", 'target=row.label, text="What is it?"'),
        ("instruction_length", r"Name the.*circle\"\.", "Name it."),
        ("constant_target", "target=row.label", 'target="circle"'),
        ("leaked_answer", "target=row.label", "target=row.label, text=row.label"),
        ("untidy_text", "target=row.label", 'target=f"{row.label} "'),
        ("no_example", "return Example(image=row.image, target=row.label)", "return None"),
        ("repeated_key", "return Row(name,", 'return Row("same",'),
        ("missing_image", "image=row.image", 'image=row.image / "none"'),
        (
            "unreachable_option",
            "target=row.label",
            'target=row.label, options=(*sorted(SHAPES), "cone")',
        ),
        ("unstable_reader", "return Row(", "return Row(str(id(line)) + "),
    ],
)
def test_a_problem_is_found(
    code: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flawed = re.sub(old if "\\" in old else re.escape(old), lambda _: new, SOUND, flags=re.DOTALL)
    flawed = flawed if flawed != SOUND else SOUND.replace(*across_lines(old, new))
    assert flawed != SOUND
    assert code in findings(flawed, tmp_path, monkeypatch)


def across_lines(old: str, new: str) -> tuple[str, str]:
    """Find words in the source that a line break separates."""
    match = re.search(r"\s+".join(map(re.escape, old.split())), SOUND)
    assert match, f"{old!r} is not in the first version of a file"
    return match.group(), new


def test_an_instruction_that_is_nearly_another_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SOUND[SOUND.index("@dataset.task(") :]
    twin = task.replace("def figure_recognition", "def figure_naming").replace("one word", "a word")
    assert "similar" in findings(f"{SOUND}\n\n{twin}", tmp_path, monkeypatch)


def test_a_phrasing_that_is_nearly_another_of_its_task_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = f'{INSTRUCTION} Say it in one word in lower case, without an article, such as "circle".'
    other = 'In the form "circle", in lower case and without an article, say which shape you see.'
    end = '"circle".\n    """,\n'
    assert end in SOUND
    for phrasing, codes in ((near, {"similar_phrasings"}), (other, set())):
        source = SOUND.replace(end, f"{end}    {phrasing!r},\n", 1)
        assert findings(source, tmp_path, monkeypatch) == codes
