"""Whether two stages beat one: conversations after the tasks, or mixed with them (paper, Table 4).

A control arm takes the second stage's steps too, so that it has as many updates as two stages.
"""

from collections.abc import Iterator
from typing import Any

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.replicate import BASE, CHAT, Replicate
from visionflan.analysis.steps.combine import CombineStep
from visionflan.analysis.studies.synthetic import CONVERSATIONS, STYLE
from visionflan.analysis.study import Study

TWO, MIXED, LONGER, BASE_ONLY = "two stages", "mixed", "mixed, longer", "base"

study = Study(
    title="One stage or two",
    question="Are conversations worth more after the tasks than mixed with them?",
    paper="Table 4",
    factors=(
        Factor(
            "stages",
            "the order of tasks and conversations; `mixed, longer` has the steps of both stages",
            (BASE_ONLY, TWO, MIXED, LONGER),
        ),
    ),
    holds_out_tasks=False,
    measures=(STYLE, measures.CLOSED, measures.TRAINED, measures.FORM, measures.YES_RATE),
    claims=(
        Claim(
            name="style",
            sentence="Two stages bring more of the conversations' style than one with all rows, "
            "at the same number of updates.",
            measure="style",
            contrast=difference(TWO, LONGER),
            direction="higher",
            smallest=0.05,
            paper="LLaVA-Bench 78.3 against 52.7 with 1,000, 63.9 with all",
        ),
        Claim(
            name="capability",
            sentence="Two stages answer closed questions better than one, at the same number of "
            "updates.",
            measure="closed",
            contrast=difference(TWO, LONGER),
            direction="higher",
            smallest=0.02,
            paper="MME 1490.6 against 1364.0 with 1,000, 1317.9 with all",
        ),
    ),
    limits=(
        "The paper's mixed runs have fewer updates than its two stages; the arm `mixed` is like "
        "them, `mixed, longer` is the fair one.",
        "The second stage has a lower learning rate than the first, in which the mixed arms see "
        "their conversations too.",
        "The tiny recipe's conversations are written by rule, not by GPT-4.",
    ),
    paper_numbers=(
        "mixed, 1,000 conversations: MME 1364.0, LLaVA-Bench 52.7, MM-Vet 36.6",
        "mixed, 158,000 conversations: MME 1317.9, LLaVA-Bench 63.9, MM-Vet 36.8",
        "two stages, 1,000 conversations: MME 1490.6, LLaVA-Bench 78.3, MM-Vet 38.0",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each order."""
    both = CombineStep(builds=(replicate.training_build, replicate.conversations))
    steps = replicate.num_steps(BASE) + (replicate.stage(CHAT).steps or 0)
    for name in map(str, factors["stages"]):
        if name in (BASE_ONLY, TWO):
            model = replicate.base if name == BASE_ONLY else replicate.chat
        else:
            changes: dict[str, Any] = {}
            if name == LONGER:
                changes = {"steps": steps, "epochs": None}
            model = replicate.train(BASE, replicate.aligned, build=both, **changes)
        outputs = {CONVERSATIONS: replicate.evaluate(model, replicate.conversations, limit=None)}
        yield replicate.arm(name, model, outputs=outputs, stages=name)
