"""Check dataset files for problems in their text, their code and their specimens."""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from inspect import getsource
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from visionflan import catalog
from visionflan.authoring import spelling
from visionflan.authoring.findings import Finding, TaskExamples
from visionflan.authoring.release_rows import (
    UnusableRows,
    broken_rows,
    release_problems,
    unknown_splits,
)
from visionflan.authoring.review_findings import review_problems
from visionflan.authoring.similar_instructions import similar_instructions
from visionflan.authoring.word_lints import answer_problems, text_problems, unknown_words
from visionflan.dataset import BrokenRow, Dataset
from visionflan.dataset_code import declared_at, read_rows, write_specimen
from visionflan.errors import DefinitionError, ReleaseError
from visionflan.image_sources import containing_file, describe_source
from visionflan.python_source import literal_value, parse_python

SPECIMEN_SIZE = 40
FILE_NAME = re.compile(r"\S*\w[./_]\w\S*")  # or an address


def check(names: Iterable[str], data_root: Path | None = None) -> list[Finding]:
    """Check dataset files, and their instructions against those of the entire catalog.

    With a data root, the releases in it are read too. A file that cannot be loaded is a finding.
    """
    findings: list[Finding] = []
    sound: list[str] = []
    for name in names:
        try:
            catalog.load(name)
        except DefinitionError as error:
            findings.append(Finding(name, "broken_file", str(error)))
        else:
            sound.append(name)
            findings += check_dataset(name, data_root)
    return findings + list(similar_instructions(sound)) + list(spelling_findings(sound))


def check_dataset(name: str, data_root: Path | None = None) -> Iterator[Finding]:
    """Check one dataset file on its own, and its release if the data root has it."""
    dataset = catalog.load(name)
    if not dataset.tasks:
        yield Finding(name, "no_task", "the file declares no task")
    yield from fused_strings(name, getsource(catalog.module(name)))
    yield from review_problems(name)
    for task in dataset.tasks.values():
        yield from text_problems(f"{name}/{task.name}", task.phrasings)
    with TemporaryDirectory(prefix="visionflan-check-") as directory:
        try:
            yield from specimen_problems(name, dataset, Path(directory))
        except (DefinitionError, ReleaseError, OSError) as error:
            yield Finding(name, "failed", str(error))
    if data_root is not None and (data_root / name).is_dir():
        try:
            yield from release_problems(name, dataset, data_root / name)
        except (DefinitionError, ReleaseError, OSError) as error:
            yield Finding(name, "failed", str(error))


def specimen_problems(name: str, dataset: Dataset[Any], root: Path) -> Iterator[Finding]:
    """Check what the reader and the tasks make from the dataset's own specimen."""
    write_specimen(name, dataset, root, SPECIMEN_SIZE)
    rows = list(read_rows(name, dataset, root))
    if rows != list(read_rows(name, dataset, root)):
        yield Finding(name, "unstable_reader", "reading the specimen twice yields different rows")
    repeated = [key for key, times in Counter(row.key for row in rows).items() if times > 1]
    if repeated:
        message = f"{declared_at(dataset.read)}: several rows have the key {repeated[0]!r}"
        yield Finding(name, "repeated_key", message)
    yield from broken_rows(name, rows)
    if all(isinstance(row, BrokenRow) for row in rows):
        return
    yield from unknown_splits(name, dataset, rows)
    checked_tasks = []
    for task in dataset.tasks.values():
        unusable = UnusableRows(f"{name}/{task.name}")
        examples = list(unusable.examples(task, rows))
        yield from unusable.findings()
        if not examples:
            if not unusable.counts:
                message = f"{declared_at(task.to_example)}: the specimen has no row for this task"
                yield Finding(unusable.location, "no_example", message)
            continue
        checked = TaskExamples(unusable.location, task, examples)
        for rule in EXAMPLE_RULES:
            yield from rule(checked)
        answers = checked.answers
        yield from answer_problems(answers)
        yield from (finding for finding, _ in unknown_words(answers))
        checked_tasks.append(checked)
    yield from misspelled_answers(checked_tasks)


def fused_strings(name: str, source: str) -> Iterator[Finding]:
    """Find adjacent strings in a list that a missing comma joins into one."""
    for node in ast.walk(parse_python(source)):
        if not isinstance(node, ast.List | ast.Tuple | ast.Set):
            continue
        for element in node.elts:
            if isinstance(element, ast.Constant) and is_fused(source, element):
                message = f"line {element.lineno}: a comma is missing between two strings"
                yield Finding(name, "missing_comma", message)


def is_fused(source: str, element: ast.Constant) -> bool:
    """Return whether an element of a list joins strings by accident.

    It does so on purpose if it is in parentheses of its own, or if a space shows that the text
    goes on.
    """
    segment = ast.get_source_segment(source, element) or ""
    tokens = tokenize.generate_tokens(io.StringIO(f"({segment})").readline)
    parts = [str(literal_value(token.string)) for token in tokens if token.type == tokenize.STRING]
    seams = pairwise(parts)
    if all(left.endswith(" ") or right.startswith(" ") for left, right in seams):
        return False
    before, _, after = source.partition(segment)
    return not (before.rstrip().endswith("(") and after.lstrip().startswith(")"))


def constant_target(checked: TaskExamples) -> Iterator[Finding]:
    """Check that a task does not always have the same answer."""
    targets = {example.target for example in checked.examples}
    if len(checked.examples) > 1 and len(targets) == 1:
        yield Finding(checked.location, "constant_target", f"every answer is {targets.pop()!r}")


def untidy_text(checked: TaskExamples) -> Iterator[Finding]:
    """Check that texts, targets, options and references have no stray spaces."""
    for example in checked.examples:
        for text in (example.text, example.target, *example.options, *example.references):
            if text != text.strip() or "  " in text or "\t" in text:
                yield Finding(checked.location, "untidy_text", f"stray spaces in {text!r}")
                return


def leaked_answer(checked: TaskExamples) -> Iterator[Finding]:
    """Check that the text before the answer does not contain it in every example."""
    open_ended = [example for example in checked.examples if example.text and not example.options]
    leaks = [example for example in open_ended if contains(example.text, example.target)]
    if len(open_ended) > 1 and len(leaks) == len(open_ended):
        message = f"the text contains the answer in every example, such as {leaks[0].target!r}"
        yield Finding(checked.location, "leaked_answer", message)


def contains(text: str, target: str) -> bool:
    """Return whether the text contains the target as separate words."""
    return re.search(rf"(?<!\w){re.escape(target)}(?!\w)", text, re.IGNORECASE) is not None


def unreachable_options(checked: TaskExamples) -> Iterator[Finding]:
    """Check that each option is correct at least once if the options are always the same."""
    option_sets = {frozenset(example.options) for example in checked.examples}
    if len(checked.examples) < SPECIMEN_SIZE // 2 or len(option_sets) != 1:
        return
    (options,) = option_sets
    if 0 < len(options) <= SPECIMEN_SIZE // 4 and (
        unreachable := options - {example.target for example in checked.examples}
    ):
        message = f"no example has the answer {sorted(unreachable)[0]!r}"
        yield Finding(checked.location, "unreachable_option", message)


def missing_images(checked: TaskExamples) -> Iterator[Finding]:
    """Check that every image of the specimen exists."""
    for example in checked.examples:
        for image in example.images:
            if not containing_file(image).is_file():
                message = f"{describe_source(image)} does not exist"
                yield Finding(checked.location, "missing_image", message)
                return


EXAMPLE_RULES: tuple[Callable[[TaskExamples], Iterator[Finding]], ...] = (
    constant_target,
    untidy_text,
    leaked_answer,
    unreachable_options,
    missing_images,
)


def spelling_findings(names: list[str]) -> Iterator[Finding]:
    """Find misspelled words in titles, instructions and the metadata of a dataset."""
    texts: dict[str, str] = {}
    for name in names:
        dataset = catalog.load(name)
        texts[name] = FILE_NAME.sub("", f"{dataset.obtain}\n{dataset.terms}")
        for task in dataset.tasks.values():
            texts[f"{name}/{task.name}"] = "\n".join((task.title, *task.phrasings))
    yield from misspellings(texts)


def misspelled_answers(checked_tasks: list[TaskExamples]) -> Iterator[Finding]:
    """Find misspelled words in the targets and options of a specimen."""
    answers = {
        checked.location: {
            answer for example in checked.examples for answer in (example.target, *example.options)
        }
        for checked in checked_tasks
    }
    yield from misspellings({name: "\n".join(sorted(texts)) for name, texts in answers.items()})


def misspellings(texts: dict[str, str]) -> Iterator[Finding]:
    """Find words of named texts that are misspelled, or not spelled the American way."""
    for location, word, corrections in dict.fromkeys(spelling.find_misspellings(texts)):
        yield Finding(location, "misspelled", spelling.message(word, corrections))
