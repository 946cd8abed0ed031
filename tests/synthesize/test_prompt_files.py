"""The prompts of the package, changed ones, and what they must have."""

from pathlib import Path

import pytest

from visionflan.cli.synthesize import KINDS as CLI_KINDS
from visionflan.errors import BuildError
from visionflan.synthesize.kinds import KINDS
from visionflan.synthesize.prompt_files import load_prompts


def test_the_command_line_has_all_kinds() -> None:
    assert tuple(KINDS) == CLI_KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_has_prompts(kind: object) -> None:
    assert isinstance(kind, type(KINDS["detail"]))
    prompts = load_prompts(kind.name)
    assert "{context}" in prompts.prompt
    assert bool(prompts.requests) is not kind.writes_questions


def test_changed_prompts_replace_those_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "detail.md").write_text("Describe: {context}")
    changed, packaged = load_prompts("detail", tmp_path), load_prompts("detail")
    assert changed.prompt == "Describe: {context}"
    assert changed.requests == packaged.requests
    assert changed.digest != packaged.digest


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("detail.md", "Describe.", "must contain `{context}` once"),
        ("detail.md", "{context} <image>", "would count as an image"),
        ("detail_requests.txt", "\n \n", "has no line"),
        ("other.md", "{context}", "has no detail.md or detail_requests.txt"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_an_error(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BuildError, match=message):
        load_prompts("detail", tmp_path)
