"""Look for faults in dataset files: their words, their source, what they make of a specimen."""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from inspect import getsource
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan import image_sources as pictures
from visionflan.authoring import spelling
from visionflan.dataset import BrokenRow, Dataset, Example, Task

SPECIMEN_SIZE = 40
ALIKE = 0.6
WORDS = range(5, 161)


class Finding(NamedTuple):
    """One fault: where it is, its code, and one sentence."""

    place: str
    code: str
    sentence: str


class TaskExamples(NamedTuple):
    """A task with the examples that it makes of the specimen."""

    place: str
    task: Task[Any]
    examples: list[Example]


def check(names: Iterable[str]) -> list[Finding]:
    """Check these dataset files, and their instructions against those of the whole catalog."""
    names = list(names)
    findings = [finding for name in names for finding in check_dataset(name)]
    return findings + list(alike(names)) + list(misspelt(names))


def check_dataset(name: str) -> Iterator[Finding]:
    """Check one dataset file by itself."""
    dataset = catalog.load(name)
    if not dataset.tasks:
        yield Finding(name, "no_task", "the file offers no task")
    yield from fused_strings(name, getsource(catalog.module(name)))
    for task in dataset.tasks.values():
        yield from instruction_faults(f"{name}/{task.name}", task.instruction)
    with TemporaryDirectory(prefix="visionflan-check-") as folder:
        yield from specimen_faults(name, dataset, Path(folder))


def specimen_faults(name: str, dataset: Dataset[Any], root: Path) -> Iterator[Finding]:
    """Check what the reader and the tasks make of the dataset's own specimen."""
    dataset.write_specimen(root, SPECIMEN_SIZE)
    rows = list(dataset.read(root))
    if rows != list(dataset.read(root)):
        yield Finding(name, "unstable_reader", "reading the specimen twice gives different rows")
    repeated = [key for key, times in Counter(row.key for row in rows).items() if times > 1]
    if repeated:
        yield Finding(name, "repeated_key", f"several rows have the key {repeated[0]!r}")
    for row in rows:
        if isinstance(row, BrokenRow):
            yield Finding(name, "broken_specimen", f"row {row.key!r} is broken: {row.detail}")
    for task in dataset.tasks.values():
        made = (task.to_example(row) for row in rows if not isinstance(row, BrokenRow))
        tried = TaskExamples(f"{name}/{task.name}", task, [example for example in made if example])
        for rule in EXAMPLE_RULES:
            yield from rule(tried)


def fused_strings(name: str, source: str) -> Iterator[Finding]:
    """Find strings in a list that a missing comma joins into one."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.List | ast.Tuple | ast.Set):
            continue
        for element in node.elts:
            segment = ast.get_source_segment(source, element) or ""
            if isinstance(element, ast.Constant) and string_tokens(segment) > 1:
                sentence = f"line {element.lineno}: a comma is missing between two strings"
                yield Finding(name, "missing_comma", sentence)


def string_tokens(segment: str) -> int:
    """Count the string literals of a piece of source."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({segment})").readline)
    return sum(token.type == tokenize.STRING for token in tokens)


def instruction_faults(place: str, instruction: str) -> Iterator[Finding]:
    """Check the form of an instruction as a proof-reader would at first sight."""
    if len(instruction.split()) not in WORDS:
        sentence = f"the instruction has {len(instruction.split())} words, not 5 to 160"
        yield Finding(place, "instruction_length", sentence)
    for code, pattern, sentence in INSTRUCTION_RULES:
        if found := re.search(pattern, instruction):
            yield Finding(place, code, f"{sentence}: {found.group()!r}")


INSTRUCTION_RULES = (
    ("no_capital", r"^[^A-Z\"'(\d]", "the instruction does not begin with a capital letter"),
    ("no_full_stop", r"[^.?!:)\"']$", "the instruction does not end as a sentence does"),
    ("doubled_word", r"(?i)\b(\w+) \1\b", "a word stands twice"),
    ("doubled_blank", r"\S {2,}\S", "there is more than one blank between two words"),
    ("fused_sentence", r"[a-z][.?!,;][A-Z]\w", "there is no blank after a sentence"),
    ("blank_before_mark", r"\w [,.;?!](?:\s|$)", "there is a blank before a mark"),
    ("placeholder", r"[{}\\]|<\w+>|\[\w+\]", "the instruction holds what looks like a placeholder"),
)


def no_examples(tried: TaskExamples) -> Iterator[Finding]:
    """A task must make something of its dataset's specimen."""
    if not tried.examples:
        yield Finding(tried.place, "no_example", "the specimen has no row for this task")


def constant_target(tried: TaskExamples) -> Iterator[Finding]:
    """An answer that never changes teaches nothing."""
    targets = {example.target for example in tried.examples}
    if len(tried.examples) > 1 and len(targets) == 1:
        yield Finding(tried.place, "constant_target", f"every answer is {targets.pop()!r}")


def untidy_words(tried: TaskExamples) -> Iterator[Finding]:
    """Texts and targets must look as a person would write them."""
    for example in tried.examples:
        for words in (example.text, example.target, *example.options, *example.references):
            if words != words.strip() or "  " in words or "\t" in words:
                yield Finding(tried.place, "untidy_words", f"blanks are left over in {words!r}")
                return


def leaked_answer(tried: TaskExamples) -> Iterator[Finding]:
    """The text before the answer must not give it away in every example."""
    asked = [example for example in tried.examples if example.text and not example.options]
    leaks = [example for example in asked if stands_in(example.target, example.text)]
    if len(asked) > 1 and len(leaks) == len(asked):
        sentence = f"the text gives the answer in every example, such as {leaks[0].target!r}"
        yield Finding(tried.place, "leaked_answer", sentence)


def stands_in(target: str, text: str) -> bool:
    """Whether the target stands in the text as whole words."""
    return re.search(rf"(?<!\w){re.escape(target)}(?!\w)", text, re.IGNORECASE) is not None


def unreachable_options(tried: TaskExamples) -> Iterator[Finding]:
    """Where the options are always the same, each must be right at some time."""
    offered = {frozenset(example.options) for example in tried.examples}
    if len(tried.examples) < SPECIMEN_SIZE // 2 or len(offered) != 1:
        return
    (options,) = offered
    if 0 < len(options) <= SPECIMEN_SIZE // 4 and (
        never := options - {example.target for example in tried.examples}
    ):
        sentence = f"no example has the answer {sorted(never)[0]!r}"
        yield Finding(tried.place, "unreachable_option", sentence)


def unreadable_pictures(tried: TaskExamples) -> Iterator[Finding]:
    """Every picture of the specimen must be there."""
    for example in tried.examples:
        for picture in example.images:
            if not pictures.containing_file(picture).is_file():
                sentence = f"{pictures.describe_source(picture)} is not there"
                yield Finding(tried.place, "missing_picture", sentence)
                return


EXAMPLE_RULES: tuple[Callable[[TaskExamples], Iterator[Finding]], ...] = (
    no_examples,
    constant_target,
    untidy_words,
    leaked_answer,
    unreachable_options,
    unreadable_pictures,
)


def alike(names: list[str]) -> Iterator[Finding]:
    """Find instructions that say nearly the same as another one of the whole catalog."""
    instructions = {
        f"{name}/{task.name}": shingles(task.instruction)
        for name in catalog.names()
        for task in catalog.load(name).tasks.values()
    }
    for one, other in combinations(instructions, 2):
        if not {one.split("/")[0], other.split("/")[0]} & set(names):
            continue
        first, second = instructions[one], instructions[other]
        if len(first & second) / max(1, len(first | second)) >= ALIKE:
            yield Finding(one, "alike", f"the instruction is nearly that of {other}")


def shingles(instruction: str) -> frozenset[tuple[str, ...]]:
    """Give the runs of three words, by whose overlap two instructions are compared."""
    words = re.findall(r"\w+", instruction.lower())
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def misspelt(names: list[str]) -> Iterator[Finding]:
    """Find misspelt words in titles, instructions and what is said of a dataset."""
    texts: dict[str, str] = {}
    for name in names:
        dataset = catalog.load(name)
        texts[name] = f"{dataset.obtain}\n{dataset.terms}"
        for task in dataset.tasks.values():
            texts[f"{name}/{task.name}"] = f"{task.title}\n{task.instruction}"
    for place, word, corrections in spelling.misspelt(texts):
        sentence = f"{word!r} is misspelt: {' or '.join(corrections)}?"
        yield Finding(place, "misspelt", sentence)
