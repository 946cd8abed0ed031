"""`visionflan datasets` lists the datasets by name and title, and shows one."""

import pytest

from visionflan import catalog
from visionflan.cli.main import main


def test_each_dataset_has_a_line_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    header, *lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    start, end = header.index("title"), header.index("tasks")
    titles = {line[:start].strip(): line[start:end].strip() for line in lines}
    assert titles == {name: dataset.title for name, dataset in catalog.load_all()}


def test_the_terms_of_a_dataset_are_on_a_line_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["datasets", "pacs"]) == 0
    assert (
        "\nLicense   unknown (not for commercial use)\n"
        f"Terms     {catalog.load('pacs').terms}\nCite " in capsys.readouterr().out
    )
    assert not catalog.load("vqa_rad").terms
    assert main(["datasets", "vqa_rad"]) == 0
    assert "\nTerms" not in capsys.readouterr().out
