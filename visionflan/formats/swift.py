"""JSON lines with `messages` and `images`, as of ms-swift.

The content of a message is a text with `<image>` at the position of each image; `channel` names the
task, by which ms-swift reports its loss. The form is that of ms-swift's page on custom datasets;
an answer can have a `loss` or a `loss_scale` (`swift/loss_scale/base.py`).
"""

from pathlib import Path
from typing import Any

from visionflan.errors import UnusableError
from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.exporting import exported_task, image_file_name, write_json_lines
from visionflan.formats.shared.conversations import is_missing
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.messages import (
    check_weight,
    has_messages,
    has_pieces,
    parse_messages,
    record_images,
)
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

PREFERENCES = ("rejected_response", "rejected_messages")
PLACEHOLDERS = ("<ref-object>", "<bbox>", "<video>", "<audio>")


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.jsonl`, and the images next to it."""
    write_json_lines(build, instances, directory, split, to_record)


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record; its images are relative to the directory of the file."""
    return {
        "id": instance.id,
        "channel": exported_task(build, instance),
        "messages": [{"role": turn.role, "content": turn.text} for turn in instance.turns],
        "images": [f"images/{image_file_name(build, image)}" for image in instance.images],
    }


def parse_record(record: dict[str, Any], images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it.

    A record with an answer that is not to be trained on is refused, because a build trains on every
    answer. So is a text with the placeholder of an object: each model writes boxes in its own way.
    Objects that no text refers to, which ms-swift does not show either, are left out with a note.
    """
    for field in PREFERENCES:
        if not is_missing(record.get(field)):
            raise UnusableError("preference_data", f"the record has `{field}`")
    check_weight(record)
    parsed = parse_messages(record, images, "channel")
    if is_missing(record.get("objects")):
        return parsed
    for turn in parsed.turns:
        if placeholder := next((one for one in PLACEHOLDERS if one in turn.text), None):
            detail = f"{placeholder} stands for an object of `objects`"
            raise UnusableError("unsupported_media", detail)
    note = ("columns_left_out", "`objects`, to which no text refers")
    return parsed._replace(notes=(*parsed.notes, note))


JSON = JsonForm(
    noun="JSON lines with `messages`",
    matches=has_messages,
    excludes=has_pieces,
    parse=parse_record,
    names=record_images,
    suffixes=(".jsonl", ".jsonl.gz"),
)
FORMAT = Format(
    "swift",
    files="{split}.jsonl",
    write=write,
    read=JSON.find_release,
    recognize=JSON.recognize,
)
