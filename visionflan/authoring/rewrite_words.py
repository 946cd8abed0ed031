"""Rewrite the literals of a task's words in a source, and nothing else of it."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from visionflan.authoring.task_words import TaskWords
from visionflan.authoring.word_literals import (
    WORD_KEYWORDS,
    WordLiteral,
    find_word_literals,
)
from visionflan.authoring.write_literal import (
    QUOTES,
    LiteralForm,
    phrasing_literal,
    quoted_literal,
)
from visionflan.errors import AuthoringError

INDENT = "    "


class SourceEdit(NamedTuple):
    """Text that replaces a part of a source."""

    start: int
    end: int
    text: str


class SourceEditor:
    """Makes the edits that give a task other words.

    Args:
        loaded: the words of the task as it was imported from this source.
    """

    def __init__(self, source: str, task: str, loaded: TaskWords, encoding: str = "utf-8") -> None:
        self.source, self.task, self.loaded, self.encoding = source, task, loaded, encoding
        self.newline = "\r\n" if "\r\n" in source else "\n"
        self.literals = find_word_literals(source, task)
        self.words = self.literals.words(loaded)
        if self.literals.can_add and self.words != loaded:
            line = self.literals.title.line
            raise AuthoringError(f"the words at line {line} are new: open the page again")

    def rewrite(self, words: TaskWords) -> str:
        """Return the source with other words; raise AuthoringError where a literal is not plain."""
        edits = sorted([*self.keyword_edits(words), *self.phrasing_edits(words.phrasings)])
        parts, position = [], 0
        for edit in edits:
            parts += [self.source[position : edit.start], edit.text]
            position = edit.end
        rewritten = "".join([*parts, self.source[position:]])
        if edits:
            self.check(rewritten, words)
        return rewritten

    def check(self, rewritten: str, words: TaskWords) -> None:
        """Raise AuthoringError unless the new source has these words, and all else as before."""
        old, new = self.literals, find_word_literals(rewritten, self.task)
        longer = len(rewritten) - len(self.source)
        is_same = (new.start, new.end) == (old.start, old.end + longer)
        is_same = is_same and new.other_code == old.other_code
        if not is_same or new.words(words).paragraphs.tidy != words:
            raise AuthoringError(f"line {old.title.line} cannot be changed: edit the file by hand")

    def keyword_edits(self, words: TaskWords) -> Iterator[SourceEdit]:
        """Yield the edits of title and category."""
        for name in WORD_KEYWORDS:
            literal: WordLiteral = getattr(self.literals, name)
            text: str = getattr(words, name)
            if " ".join(getattr(self.words, name).split()) != text:
                self.check_plain(literal, name)
                yield SourceEdit(literal.start, literal.end, quoted_literal(text, self.encoding))

    def phrasing_edits(self, phrasings: Sequence[str]) -> Iterator[SourceEdit]:
        """Yield the edits of the phrasings; those that stay are not touched."""
        literals = self.literals.phrasings
        old = self.words.paragraphs.tidy.phrasings
        if len(old) != len(literals):  # what is unpacked there is not known
            if tuple(phrasings) != self.loaded.paragraphs.tidy.phrasings:
                self.refuse_number()
            return
        matcher = SequenceMatcher(a=old, b=list(phrasings), autojunk=False)
        for kind, first, last, new_first, new_last in matcher.get_opcodes():
            if kind != "equal":
                yield from self.part_edits(first, last, phrasings[new_first:new_last])

    def part_edits(self, first: int, last: int, texts: Sequence[str]) -> Iterator[SourceEdit]:
        """Yield the edits that put other phrasings in the place of some."""
        literals, common = self.literals.phrasings[first:last], min(last - first, len(texts))
        if len(literals) != len(texts) and not self.literals.can_add:
            self.refuse_number()
        for literal in literals:
            self.check_plain(literal, "phrasing")
        for literal, text in zip(literals, texts, strict=False):
            yield SourceEdit(literal.start, literal.end, self.replacement(literal, text))
        for literal in literals[common:]:
            yield self.removal(literal)
        if len(texts) > common:
            yield self.addition(first + common, texts[common:])

    def refuse_number(self) -> None:
        """Raise the error for phrasings that are not one argument each."""
        line = self.literals.phrasings[0].line
        raise AuthoringError(f"line {line} does not list the phrasings one by one: edit them there")

    def check_plain(self, literal: WordLiteral, what: str) -> None:
        """Raise AuthoringError if a literal cannot be replaced."""
        if literal.value is None:
            raise AuthoringError(
                f"line {literal.line} gives the {what} as an expression or with a comment in it: "
                "edit it there"
            )

    def replacement(self, literal: WordLiteral, text: str) -> str:
        """Return the literal that replaces one of the phrasings."""
        line_start = self.line_start(literal.start)
        form = LiteralForm(
            column=literal.start - line_start,
            indent=self.indent_at(literal.start),
            newline=self.newline,
            encoding=self.encoding,
            triple=QUOTES in self.source[literal.start : literal.start + 4],
        )
        return phrasing_literal(text, form)

    def addition(self, index: int, texts: Sequence[str]) -> SourceEdit:
        """Return the edit that adds phrasings before the one of an index, or after the last."""
        literals = self.literals.phrasings
        model = literals[max(0, index - 1)]
        indent = self.indent_at(model.outer_start)
        new = [self.replacement(model, text) + "," for text in texts]
        if index == 0:
            text = "".join(one + self.newline + indent for one in new)
            return SourceEdit(model.outer_start, model.outer_start, text)
        end = self.line_end(model.comma)
        rest = self.source[model.comma : end].strip()
        position = end if not rest or rest.startswith("#") else model.comma
        text = "".join(self.newline + indent + one for one in new)
        return SourceEdit(position, position, text)

    def removal(self, literal: WordLiteral) -> SourceEdit:
        """Return the edit that removes a phrasing with its comma; comments stay."""
        start, end = literal.outer_start, literal.comma
        line_start, line_end = self.line_start(start), self.line_end(end)
        if self.source[line_start:start].strip() or self.source[end:line_end].strip():
            blanks = len(self.source[end:line_end]) - len(self.source[end:line_end].lstrip())
            return SourceEdit(start, end + blanks, "")
        return SourceEdit(line_start, line_end + len(self.newline), "")

    def indent_at(self, position: int) -> str:
        """Return the blanks before the lines of a string that starts at a position."""
        before = self.source[self.line_start(position) : position]
        blanks = before[: len(before) - len(before.lstrip())]
        return blanks if blanks == before else blanks + INDENT

    def line_start(self, position: int) -> int:
        """Return where the line of a position starts."""
        return self.source.rfind("\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Return where the line of a position ends, before its line end."""
        end = self.source.find(self.newline, position)
        return len(self.source) if end < 0 else end
