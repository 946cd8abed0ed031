"""The hand-written pages agree with the package, and their tables are complete."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
IN_CODE = re.compile(r"`[^`]*`|\\\|")


def test_the_tree_in_the_readme_is_that_of_the_package() -> None:
    tree = (ROOT / "README.md").read_text().split("\nvisionflan/\n")[1].split("\ndocs/ ")[0]
    package = [path for path in (ROOT / "visionflan").iterdir() if path.name[0] not in "_."]
    names = {f"{path.name}/" if path.is_dir() else path.name for path in package}
    assert set(re.findall(r"^  ([\w./]+)  ", tree, re.MULTILINE)) == names - {"py.typed"}
    parent = ""
    for indent, name in re.findall(r"^( +)([\w./]+)  ", tree, re.MULTILINE):
        parent = name if len(indent) == 2 else parent
        assert (ROOT / "visionflan" / (name if name == parent else parent + name)).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_of_a_table_has_the_cells_of_its_header(page: Path) -> None:
    width = 0
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = IN_CODE.sub("", line).count("|") if line.startswith("|") else 0
        assert not (width and cells) or cells == width, line
        width = cells
