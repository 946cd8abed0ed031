"""Published forms of Vision-Flan, and data of similar names: facts by which they are recognized.

Each set names its witness, where its numbers were read. One name stands for three things: ALLaVA's
`VFLAN` has the images of the public 191-task file with texts by GPT-4V (README.md of
FreedomIntelligence/ALLaVA, which counts its rows), and VILA's `VFlan` is text FLAN with M3IT, and
nothing of Vision-Flan (data_prepare/README.md of NVlabs/VILA).
"""

from typing import NamedTuple

from visionflan.plural import counted


class KnownSet(NamedTuple):
    """A published set of conversations.

    Attributes:
        name: what it is called, with the name of its file.
        family: the sets that have ids and tasks of the same kind.
        rows: its number of records.
        tasks: the smallest and the largest number of tasks that its publishers state; None where
            records name none.
        note: what else to know of it.
        witness: where the numbers were read.
        is_original: whether it is no copy of another one of these, so that smaller files are parts.
    """

    name: str
    family: str
    rows: int
    tasks: tuple[int, int] | None
    note: str
    witness: str
    is_original: bool = True


VISION_FLAN = "vision-flan"
ID_PREFIXES = {
    VISION_FLAN: ("vision-flan_", "multiinstruct_"),
    "allava_vflan_cap": ("allava_vflan_cap_",),
    "allava_vflan_inst": ("allava_vflan_inst_",),
}
PUBLIC_191 = KnownSet(
    "the public 191-task set (annotation_191-task_1k.json)",
    VISION_FLAN,
    186_103,
    (191, 191),
    "one image and two turns a row; ids repeat, and images are in images_191task_1k",
    "card of Vision-Flan/vision-flan_191-task_1k: 191 tasks; 186,103 rows: counts by others who "
    "converted annotation_191-task_1k.json, of which one row has an empty answer",
)
KNOWN_SETS = (
    KnownSet(
        "the copy in LLaVA-OneVision, vision_flan(filtered)",
        VISION_FLAN,
        186_070,
        None,
        f"{186_070:,} of the {counted(PUBLIC_191.rows, 'row')} of {PUBLIC_191.name}",
        "scripts/train/single_image.yaml of LLaVA-VL/LLaVA-NeXT: vision_flan_filtered_186070.json",
        is_original=False,
    ),
    PUBLIC_191,
    KnownSet(
        "the full Vision-Flan (vision_flan.json)",
        VISION_FLAN,
        1_664_261,
        (187, 209),
        "187 tasks in the card and the paper, up to 209 with those of the site",
        "card of Vision-Flan/vision-flan, and section 2.1 of arXiv 2402.11690",
    ),
    KnownSet(
        "ALLaVA-Caption-VFLAN-4V",
        "allava_vflan_cap",
        202_552,
        None,
        "images of the public 191-task set, captions by GPT-4V, not by people",
        "README.md of FreedomIntelligence/ALLaVA",
    ),
    KnownSet(
        "ALLaVA-Instruct-VFLAN-4V",
        "allava_vflan_inst",
        203_065,
        None,
        "images and instructions of the public 191-task set, answers by GPT-4V, not by people",
        "README.md of FreedomIntelligence/ALLaVA",
    ),
)


def describe_set(family: str, rows: int, tasks: int) -> str:
    """Return which published set some records are, or how they differ from the nearest one."""
    sets = [known for known in KNOWN_SETS if known.family == family]
    if not sets:
        return "no published form of Vision-Flan: neither its ids nor its tasks are known"
    exact = next((known for known in sets if known.rows == rows), None)
    if exact is not None:
        return f"{exact.name}: {exact.note}{task_difference(exact, tasks)}"
    larger = next((known for known in sets if known.rows > rows and known.is_original), None)
    if larger is None:
        largest = max(sets, key=lambda known: known.rows)
        return f"more rows than {largest.name}: {rows:,}, where it has {largest.rows:,}"
    return (
        f"fewer rows than {larger.name}: {rows:,} of {larger.rows:,}"
        f"{task_difference(larger, tasks)}"
    )


def task_difference(known: KnownSet, tasks: int) -> str:
    """Return how the number of tasks differs from that of a set; "" if it does not."""
    if known.tasks is None or known.tasks[0] <= tasks <= known.tasks[1]:
        return ""
    expected = " to ".join(map(str, sorted(set(known.tasks))))
    return f"; {counted(tasks, 'task')}, where it has {expected}"
