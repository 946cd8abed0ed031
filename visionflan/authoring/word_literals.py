"""Find the literals of a task's words in the source of its dataset file, to the character."""

import ast
import bisect
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from visionflan.authoring.task_words import TaskWords
from visionflan.dataset import join_lines
from visionflan.errors import AuthoringError
from visionflan.python_source import parse_python

WORD_KEYWORDS = ("title", "category")
LONE_RETURN = re.compile(r"\r(?!\n)")
NOT_CODE = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


class WordLiteral(NamedTuple):
    """A string of a task in the source.

    Attributes:
        start, end: the characters of the string, without parentheses around it.
        outer_start, outer_end: those with the parentheses.
        comma: the end of the comma after it; -1 if there is none.
        line: its first line.
        value: the string; None unless it is a plain literal without a comment in it.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    comma: int
    line: int
    value: str | None


class WordLiterals(NamedTuple):
    """The strings of a task in the source.

    Attributes:
        can_add: whether phrasings can be added and removed.
        start, end: the characters of the call that declares the task.
        other_code: the arguments of the call that are not words, to compare.
    """

    title: WordLiteral
    category: WordLiteral
    phrasings: Sequence[WordLiteral]
    can_add: bool
    start: int
    end: int
    other_code: Sequence[str]

    @property
    def fixed_lines(self) -> dict[str, int]:
        """Return the fields that are not plain literals, with their lines."""
        phrasings = {f"phrasings-{n}": one for n, one in enumerate(self.phrasings)}
        named = {"title": self.title, "category": self.category, **phrasings}
        return {name: one.line for name, one in named.items() if one.value is None}

    def words(self, loaded: TaskWords) -> TaskWords:
        """Return the words; those that are not plain literals are as the loaded task has them."""
        texts = [one.value for one in self.phrasings]
        same_number = len(texts) == len(loaded.phrasings)
        others = loaded.phrasings if same_number else [""] * len(texts)
        return TaskWords(
            loaded.title if self.title.value is None else self.title.value,
            loaded.category if self.category.value is None else self.category.value,
            tuple(
                other if text is None else join_lines(text)
                for text, other in zip(texts, others, strict=True)
            ),
        )


class SourceTokens:
    """The tokens of a source, with their offsets in characters."""

    def __init__(self, source: str) -> None:
        self.source = source
        lines = re.finditer(r"[^\r\n]*(?:\r\n|\r|\n|$)", source)
        self.line_starts = [match.start() for match in lines]
        tokens = tokenize.generate_tokens(io.StringIO(source, newline="").readline)
        self.tokens = [
            (token.type, token.string, self.offset(*token.start), self.offset(*token.end))
            for token in tokens
        ]
        self.starts = [start for _, _, start, _ in self.tokens]

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a column in characters."""
        return self.line_starts[min(line, len(self.line_starts)) - 1] + column

    def node_span(self, node: ast.expr) -> tuple[int, int]:
        """Return the offsets of a node, whose columns are bytes of UTF-8."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.byte_offset(node.lineno, node.col_offset),
            self.byte_offset(node.end_lineno, node.end_col_offset),
        )

    def byte_offset(self, line: int, column: int) -> int:
        """Return the offset of a column in bytes of UTF-8."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.source)
        return start + len(self.source[start:end].encode()[:column].decode())

    def between(self, start: int, end: int) -> Iterator[tuple[int, str, int, int]]:
        """Yield the tokens within a part of the source: type, text, start, end."""
        first = bisect.bisect_left(self.starts, start)
        for token in self.tokens[first:]:
            if token[2] >= end:
                return
            yield token

    def has_comment(self, start: int, end: int) -> bool:
        """Return whether a comment is within a part of the source."""
        return any(kind == tokenize.COMMENT for kind, *_ in self.between(start, end))


@lru_cache(maxsize=4)
def source_tokens(source: str) -> SourceTokens:
    """Return the tokens of a source; those of the last ones are kept."""
    return SourceTokens(source)


@lru_cache(maxsize=4)
def parse_source(source: str) -> ast.Module:
    """Return the syntax tree of a source; raise AuthoringError if it is not Python."""
    try:
        return parse_python(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise AuthoringError(f"it is not valid Python: {error}") from error


def find_word_literals(source: str, task: str) -> WordLiterals:
    """Return the literals of a task's words; raise AuthoringError if no call declares them."""
    if LONE_RETURN.search(source):  # a line end for `ast` and none for `tokenize`
        raise AuthoringError("it has a carriage return without a line feed: convert its line ends")
    call = find_declaration(parse_source(source), task)
    tokens = source_tokens(source)
    literals = {
        id(node): word_literal(tokens, node, extent)
        for node, extent in zip(argument_nodes(call), argument_extents(tokens, call), strict=True)
    }
    keywords = {keyword.arg: literals[id(keyword.value)] for keyword in call.keywords}
    missing = [name for name in WORD_KEYWORDS if name not in keywords]
    positional = [literals[id(node)] for node in call.args]
    instruction = [keywords["instruction"]] if "instruction" in keywords else positional
    if missing or not instruction:
        what = missing[0] if missing else "instruction"
        raise AuthoringError(f"line {call.lineno} gives no {what}: edit the file by hand")
    is_starred = any(isinstance(node, ast.Starred) for node in call.args)
    can_add = bool(positional) and not is_starred and positional[-1].comma > 0
    return WordLiterals(
        keywords["title"],
        keywords["category"],
        instruction,
        can_add,
        *tokens.node_span(call),
        [ast.dump(one) for one in call.keywords if one.arg not in (*WORD_KEYWORDS, "instruction")],
    )


def find_declaration(tree: ast.Module, task: str) -> ast.Call:
    """Return the call `dataset.task(...)` that decorates the function of a task."""
    calls = [
        decorator
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == task
        for decorator in node.decorator_list
        if is_task_call(decorator)
    ]
    if len(calls) != 1:
        raise AuthoringError(
            f"it has no function {task} with the decorator `@dataset.task(...)`: "
            "edit by hand the lines that declare the task"
        )
    (call,) = calls
    assert isinstance(call, ast.Call)
    return call


def code_digest(source: str) -> str:
    """Return a hash of the code of a dataset file, which the words of its tasks do not change."""
    tree = parse_python(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [one for one in node.decorator_list if not is_task_call(one)]
    return sha256(ast.dump(tree).encode()).hexdigest()


def is_task_call(node: ast.expr) -> bool:
    """Return whether a decorator is a call `dataset.task(...)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "task"
    )


def argument_nodes(call: ast.Call) -> list[ast.expr]:
    """Return the arguments of a call in their order in the source."""
    nodes = [*call.args, *(keyword.value for keyword in call.keywords)]
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))


class ArgumentExtent(NamedTuple):
    """The code of an argument with its keyword, and the end of the comma after it or -1."""

    start: int
    end: int
    comma: int


def argument_extents(tokens: SourceTokens, call: ast.Call) -> Iterator[ArgumentExtent]:
    """Yield where each argument of a call is."""
    _, function_end = tokens.node_span(call.func)
    _, call_end = tokens.node_span(call)
    depth, start, end = 0, -1, -1
    for kind, text, token_start, token_end in tokens.between(function_end, call_end):
        if kind in NOT_CODE:
            continue
        depth -= kind == tokenize.OP and text in (")", "]", "}")
        is_end = depth == 0 or (depth == 1 and text == ",")
        if is_end and start >= 0:
            yield ArgumentExtent(start, end, token_end if text == "," else -1)
            start = -1
        elif depth:
            start, end = start if start >= 0 else token_start, token_end
        depth += kind == tokenize.OP and text in ("(", "[", "{")


def word_literal(tokens: SourceTokens, node: ast.expr, extent: ArgumentExtent) -> WordLiteral:
    """Return what is known of an argument."""
    start, end = tokens.node_span(node)
    value: str | None = None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        value = None if tokens.has_comment(start, end) else node.value
    return WordLiteral(start, end, extent.start, extent.end, extent.comma, node.lineno, value)
