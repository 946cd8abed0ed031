"""Count why records were dropped, to say it where no record is left."""

from collections import Counter
from dataclasses import dataclass, field

from visionflan.plural import counted

MAX_CAUSES = 3
MAX_DESCRIPTION = 200  # characters that describe one record

# What to do about a reason for which all records of a release may be dropped.
HINTS = {
    "image_missing": "pass the directory of the images as --images",
    "image_outside_root": "pass the directory that contains all images as --images",
    "sensitive_task": "add --include-sensitive to import them",
}


@dataclass
class DroppedRecords:
    """The number of dropped records by reason, and the first record of each."""

    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return the number of dropped records."""
        return self.reasons.total()

    def add(self, reason: str, record: str) -> None:
        """Count a record, which is described with what is wrong with it."""
        self.reasons[reason] += 1
        self.first.setdefault(reason, " ".join(record.split())[:MAX_DESCRIPTION])

    def describe(self) -> str:
        """Return why no record is left: the most frequent reasons, and what to do."""
        if not self.count:
            return "it has no records"
        causes = self.reasons.most_common(MAX_CAUSES)
        text = "; ".join(f"{count:,} {reason} ({self.first[reason]})" for reason, count in causes)
        hint = HINTS.get(causes[0][0], "")
        records = counted(self.count, "record")
        return f"none of its {records} can be imported: {text}{hint and f': {hint}'}"
