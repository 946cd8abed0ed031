"""JSON lines with `prompt`, `target` and `image_path`, as of MultiInstruct; read only.

The form is that of `train.jsonl` and `test.jsonl` of the authors' repository (VT-NLP/MultiInstruct,
`build_dataset.py`): the prompt is complete, with its options as `[Options]: no||||yes` and regions
as coordinates, and all fields beside `image_path`, `prompt` and `target` may be ignored.
"""

from pathlib import Path
from typing import Any

from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.shared.conversations import (
    RawMessage,
    make_conversation,
    optional_text,
)
from visionflan.formats.shared.exchange import closed_exchange
from visionflan.formats.shared.image_names import check_media, image_names, release_images
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.leading_images import markers_first

FIELDS = frozenset({"image_path", "prompt", "target"})
OPTIONS = "[Options]: "
SEPARATOR = "||||"


def parse_record(record: dict[str, Any], images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    check_media(record)
    names = record_images(record)
    prompt, target = optional_text(record, "prompt"), optional_text(record, "target")
    messages = markers_first([RawMessage("user", prompt)], len(names))
    conversation = make_conversation([*messages, RawMessage("assistant", target)], "", len(names))
    text, marker, options = prompt.rpartition(OPTIONS)
    return ConversationRecord(
        optional_text(record, "task_name"),
        release_images(names, images),
        conversation.turns,
        id=JSON.record_id(record),
        notes=conversation.notes,
        exchange=closed_exchange(
            "", text.strip(), tuple(options.strip().split(SEPARATOR)), target, target
        )
        if marker
        else None,
    )


def record_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the images of a record."""
    return image_names(record, "image_path", objects=False)


JSON = JsonForm(
    noun="JSON with `image_path`, `prompt` and `target`",
    matches=lambda record: record.keys() >= FIELDS,
    parse=parse_record,
    names=record_images,
    id_field="unique_id",
)
FORMAT = Format(
    "multi_instruct",
    read=JSON.find_release,
    recognize=JSON.recognize,
)
