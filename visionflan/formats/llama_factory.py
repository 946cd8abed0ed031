"""JSON that `dataset_info.json` lists, or alpaca, as of LLaMA-Factory.

The list names the files and says which columns of their records have the messages, the images and
the system prompt, and which words stand for the roles: `sharegpt` has conversations, `alpaca` an
instruction with an input and an output. Names and defaults are those of LLaMA-Factory's
`data/parser.py` and `data/converter.py`. A file of alpaca records is read without a list too.

What is written has `messages` and a list of `images` in each record, because the `datasets` library
wants one type for a column; `media_dir` is the directory of the export, which is its default.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, Format, InstructionRelease
from visionflan.formats.exporting import exported_task, image_file_name, with_progress, write_images
from visionflan.formats.shared.annotation_files import SUFFIXES, json_files, resolve
from visionflan.formats.shared.conversations import (
    RawMessage,
    is_missing,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.dataset_info import (
    NAME,
    add_entries,
    is_entry,
    list_path,
    lists_datasets,
    read_list,
)
from visionflan.formats.shared.image_names import check_media, image_names, release_images
from visionflan.formats.shared.joined_release import (
    JoinedRelease,
    common_directory,
    locate_images,
)
from visionflan.formats.shared.json_files import JsonList
from visionflan.formats.shared.json_release import JsonForm, JsonRelease
from visionflan.layouts.fields import FieldError, mapping, text
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

SHAREGPT = {"messages": "conversations"}
ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "system_tag": "system",
}
OPENAI_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
KINDS = {"alpaca": (ALPACA, {}), "sharegpt": (SHAREGPT, TAGS), "openai": (SHAREGPT, TAGS)}
MEDIA = ("videos", "audios")
PREFERENCES = ("chosen", "rejected", "kto_tag")
WRITTEN = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "images": "images"},
    "tags": OPENAI_TAGS,
}


class Columns(NamedTuple):
    """How the records of a file are read.

    Attributes:
        name: the name of the data set in the list.
        formatting: `alpaca`, or another one, which has a list of messages.
        columns: the fields of a record by LLaMA-Factory's names for them.
        tags: the keys and the roles of messages by LLaMA-Factory's names for them.
    """

    name: str
    formatting: str
    columns: dict[str, str]
    tags: dict[str, str]

    def names(self, record: dict[str, Any]) -> tuple[str, ...]:
        """Return the names of the images of a record."""
        return image_names(record, self.columns.get("images", "images"), objects=False)

    def field(self, record: dict[str, Any], column: str) -> str:
        """Return the text of a column; empty if the record or the list has none."""
        return optional_text(record, self.columns[column]) if column in self.columns else ""

    def parse(self, record: dict[str, Any], images: Path) -> ConversationRecord:
        """Parse a record; raise UnusableError if trainers cannot read it."""
        check_media(record)
        self.check_extras(record)
        names = self.names(record)
        messages = self.alpaca(record) if self.formatting == "alpaca" else self.sharegpt(record)
        conversation = make_conversation(messages, self.field(record, "system"), len(names))
        return ConversationRecord(
            optional_text(record, "task_name") or self.name,
            release_images(names, images),
            conversation.turns,
            id=record["id"] if isinstance(record.get("id"), str) else "",
            notes=conversation.notes,
        )

    def check_extras(self, record: dict[str, Any]) -> None:
        """Raise UnusableError for videos, tools and preferences, which are no plain targets."""
        present = [
            column
            for column in (*MEDIA, *PREFERENCES, "tools")
            if not is_missing(record.get(self.columns.get(column, "")))
        ]
        for column in present:
            if column in MEDIA:
                raise UnusableError("unsupported_media", f"the record has {column}")
            if column in PREFERENCES:
                raise UnusableError("preference_data", f"the record has `{column}`")
            raise UnusableError("tool_calls", "the record has `tools`")

    def sharegpt(self, record: dict[str, Any]) -> list[RawMessage]:
        """Return the messages of a record that has a list of them."""
        values = record.get(self.columns["messages"])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise malformed(f"`{self.columns['messages']}`", values)
        role, content = self.tags["role_tag"], self.tags["content_tag"]
        return [RawMessage(self.role(value.get(role)), value.get(content)) for value in values]

    def role(self, word: Any) -> Any:
        """Return the role that a word stands for; any other value as it is."""
        roles = {self.tags[f"{role}_tag"]: role for role in ("user", "assistant", "system")}
        return roles.get(word, word) if isinstance(word, str) else word

    def alpaca(self, record: dict[str, Any]) -> list[RawMessage]:
        """Return the messages of a record of an instruction, an input and an output."""
        question = "\n".join(filter(None, (self.field(record, c) for c in ("prompt", "query"))))
        answer = record.get(self.columns.get("response", ""))
        pairs = [*self.history(record), (question, answer)]
        return [
            message
            for user, assistant in pairs
            for message in (RawMessage("user", user), RawMessage("assistant", assistant))
        ]

    def history(self, record: dict[str, Any]) -> list[tuple[Any, Any]]:
        """Return the earlier pairs of a question and an answer."""
        pairs = record.get(self.columns.get("history", ""))
        if is_missing(pairs):
            return []
        if not isinstance(pairs, list) or not all(
            isinstance(pair, list) and len(pair) == 2 for pair in pairs
        ):
            raise malformed("the history", pairs)
        return [(user, assistant) for user, assistant in pairs]

    def release(self, file: Path) -> JsonRelease:
        """Return the release of one file, whose images are still to be found."""
        form = JsonForm(
            noun=f"records of {self.formatting}",
            matches=lambda record: True,
            parse=self.parse,
            names=self.names,
        )
        return JsonRelease(form, (file,), file.parent)


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.json`, its images, and its entry in `dataset_info.json`."""
    file = JsonList(directory / f"{split}.json")
    for instance in with_progress(instances, split):
        write_images(build, instance, directory / "images")
        file.add(to_record(build, instance))
    file.close()
    add_entries(directory, {split: {"file_name": file.path.name, **WRITTEN}})


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record; its images are relative to the directory of the list."""
    return {
        "id": instance.id,
        "task_name": exported_task(build, instance),
        "messages": [{"role": turn.role, "content": turn.text} for turn in instance.turns],
        "images": [f"images/{image_file_name(build, image)}" for image in instance.images],
    }


def parse_entry(name: str, entry: dict[str, Any]) -> Columns:
    """Return how the list says that a file is read; raise FieldError for other values."""
    formatting = text(entry, "formatting") if "formatting" in entry else "alpaca"
    if formatting not in KINDS:
        raise FieldError(f"its formatting is {formatting!r}")
    columns, tags = KINDS[formatting]
    # The list that names some columns names all: LLaMA-Factory then has no defaults.
    named = mapping(entry, "columns") if "columns" in entry else columns
    words = {key: value for key, value in named.items() if text(named, key)}
    if required := {"messages", "response"} & columns.keys() - words.keys():
        raise FieldError(f"its columns have no `{min(required)}`")
    own = mapping(entry, "tags") if "tags" in entry else {}
    return Columns(name, formatting, words, tags | {key: text(own, key) for key in own})


def entry_releases(
    listing: Path, name: str, entry: Any, only: Path | None
) -> Iterator[JsonRelease | BrokenRow]:
    """Yield the release of each file of an entry, or why it cannot be read."""
    try:
        columns = parse_entry(name, mapping(entry))
        file = listing.parent / text(entry, "file_name")
        files = json_files(file) if file.is_dir() else [file]
    except (FieldError, OSError, ValueError) as error:
        yield unread(listing, name, f"{error}")
        return
    if not files:
        yield unread(listing, name, f"{file.name} is a directory without JSON")
    for path in files:
        if only in (None, path):
            if path.is_file() and path.name.endswith(SUFFIXES):
                yield columns.release(path)
            else:
                problem = "is not JSON" if path.is_file() else "is not here"
                yield unread(listing, name, f"{path.name} {problem}")


def unread(listing: Path, name: str, problem: str) -> BrokenRow:
    """Return the row for an entry of the list that is not read."""
    return BrokenRow(f"{listing.name}: {name}", "unread_file", problem)


def find_release(path: Path, images: Path | None = None) -> InstructionRelease:
    """Find the files that a list names, or the one that is named, and their images."""
    path = resolve(path)
    only = None if path.is_dir() or path.name == NAME else path
    listing = list_path(path.parent if only else path)
    if only and (not listing.is_file() or not is_listed(listing, only)):
        return ALPACA_JSON.find_release(path, images)
    if path.is_dir() and not listing.is_file():
        return ALPACA_JSON.find_release(path, images)
    entries = read_list(listing).items()
    entries_read = [
        one for name, entry in entries for one in entry_releases(listing, name, entry, only)
    ]
    parts = [
        locate_images(one, listing, images)
        for one in entries_read
        if not isinstance(one, BrokenRow)
    ]
    return JoinedRelease(
        only or listing,
        common_directory(parts, listing.parent),
        tuple(parts),
        tuple(one for one in entries_read if isinstance(one, BrokenRow)),
    )


def is_listed(listing: Path, file: Path) -> bool:
    """Return whether a list names a file."""
    try:
        entries = read_list(listing).values()
    except ReleaseError:
        return False
    return any(is_entry(entry) and entry.get("file_name") == file.name for entry in entries)


def recognize(path: Path) -> bool:
    """Return whether a path is a list of data sets or its directory, or has records of alpaca."""
    return lists_datasets(path) or ALPACA_JSON.recognize(path)


def is_alpaca(record: dict[str, Any]) -> bool:
    """Return whether a record has the default columns of alpaca, and is of no other form."""
    return {"instruction", "output"} <= record.keys() and "instance_id" not in record


ALPACA_DEFAULTS = Columns("", "alpaca", {**ALPACA, "images": "images", "system": "system"}, {})
ALPACA_JSON = JsonForm(
    noun="JSON with `instruction` and `output`",
    matches=is_alpaca,
    parse=ALPACA_DEFAULTS.parse,
    names=ALPACA_DEFAULTS.names,
)
FORMAT = Format(
    "llama_factory",
    files="{split}.json",
    write=write,
    read=find_release,
    recognize=recognize,
)
