"""The prompts of each kind: text files of this package, or changed ones in a directory."""

import json
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from visionflan.errors import BuildError

PACKAGED = Path(__file__).parent / "prompts"
CONTEXT = "{context}"  # where the rows of an image are put into a prompt


class PromptFiles(NamedTuple):
    """The words that a kind is written with.

    Attributes:
        prompt: what the model is to do; `{context}` is where the rows are put.
        requests: where the model writes no question: what the user says, one is chosen by hash.
    """

    prompt: str
    requests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The sha256 of all of it."""
        return sha256(json.dumps(self, ensure_ascii=False).encode()).hexdigest()


def load_prompts(kind: str, directory: Path | None = None) -> PromptFiles:
    """Return the prompts of a kind; files in `directory` replace those of the package.

    Raises BuildError if the directory has no file of the kind, or a file has not what it must.
    """
    names = [name for name in (f"{kind}.md", f"{kind}_requests.txt") if (PACKAGED / name).exists()]
    if directory is not None and not any((directory / name).is_file() for name in names):
        raise BuildError(
            f"{directory} has no {' or '.join(names)}: copy them from {PACKAGED} and change them"
        )
    texts = [read_text(name, directory) for name in names]
    requests = tuple(
        line.strip() for text in texts[1:] for line in text.splitlines() if line.strip()
    )
    if texts[0].count(CONTEXT) != 1:
        raise BuildError(
            f"{find_file(names[0], directory)} must contain `{CONTEXT}` once, where the rows of an "
            "image are put"
        )
    if len(names) > 1 and not requests:
        raise BuildError(f"{find_file(names[1], directory)} has no line: write one request a line")
    return PromptFiles(texts[0].strip(), requests)


def find_file(name: str, directory: Path | None) -> Path:
    """Return the path of a prompt file, in the directory if it is there."""
    if directory is not None and (directory / name).is_file():
        return directory / name
    return PACKAGED / name


def read_text(name: str, directory: Path | None) -> str:
    """Return the text of a prompt file; raise BuildError if it is not UTF-8 or has an image."""
    path = find_file(name, directory)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BuildError(f"{path} is not a UTF-8 text: {error}") from error
    if "<image>" in text:
        raise BuildError(f"{path} contains `<image>`, which would count as an image: leave it out")
    return text
