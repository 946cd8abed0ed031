"""Which tasks are answered by yes or no, and which by one of listed options.

A model that was tuned on such tasks may do well on benchmarks of that form for the form alone, so
that studies record how many of them an arm has.
"""

from typing import NamedTuple

from visionflan.storage.directory import BuildDirectory

YES_NO = ("yes", "no")


class AnswerKind(NamedTuple):
    """What most answers of a task are.

    Attributes:
        yes_no: yes or no.
        listed: one of the options of the question.
    """

    yes_no: bool
    listed: bool


def answer_kind(yes_no_share: float, listed_share: float) -> AnswerKind:
    """Return the kind of a task from the shares of its answers."""
    return AnswerKind(yes_no_share > 0.5, listed_share > 0.5)


def build_answer_kinds(build: BuildDirectory) -> dict[str, AnswerKind]:
    """Return the kind of each task of a build, from its training instances.

    Tasks whose parts were not stored, such as imported ones, have none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = build.table.select(["task", "split", "target", "options"])
    table = table.filter((pc.field("split") == "train") & (pc.field("target") != ""))
    words = pc.utf8_trim(pc.utf8_lower(table["target"].cast(pa.string())), " .")
    yes_no = pc.is_in(words, pa.array(YES_NO)).cast(pa.float64())
    listed = pc.greater(pc.list_value_length(table["options"]), 0).cast(pa.float64())
    shares = (
        pa.table({"task": table["task"].cast(pa.string()), "yes_no": yes_no, "listed": listed})
        .group_by("task")
        .aggregate([("yes_no", "mean"), ("listed", "mean")])
    )
    return {
        row["task"]: answer_kind(row["yes_no_mean"], row["listed_mean"])
        for row in shares.to_pylist()
    }
