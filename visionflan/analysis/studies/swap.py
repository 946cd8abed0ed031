"""What another language model behind the tuned connector changes (paper, Table 7).

In miniature the other model is pretrained with another seed on the same texts; for a real recipe it
is any of the same width and vocabulary, set with `--set-recipe`.
"""

from collections.abc import Iterator
from dataclasses import replace

from visionflan.analysis import measures
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.steps.surgery import ReplaceStep
from visionflan.analysis.studies.synthetic import CONVERSATIONS, STYLE
from visionflan.analysis.study import Arm, Factor, Factors, Study
from visionflan.errors import AnalysisError

OTHER_SEED = 1000  # added to the seed of the replicate
SWAPPED = ", swapped"

study = Study(
    title="Another language model",
    question="Which scores does the language model carry, whatever the connector learned?",
    paper="Table 7",
    factors=(Factor("stage", "the model that gets another", ("aligned", "base", "chat")),),
    holds_out_tasks=False,
    measures=(measures.TRAINED, STYLE, measures.CLOSED, measures.FORM, measures.YES_RATE),
    claims=(
        Claim(
            name="style_is_language",
            sentence="An untuned language model behind Base’s connector has more of the style of "
            "conversations than Base.",
            measure="style",
            contrast=difference(f"base{SWAPPED}", "base"),
            direction="higher",
            smallest=0.05,
            paper="LLaVA-Bench 69.9 against 38.5",
        ),
        Claim(
            name="capability_is_lost",
            sentence="Base loses capability with an untuned language model.",
            measure="closed",
            contrast=difference(f"base{SWAPPED}", "base"),
            direction="lower",
            smallest=0.05,
            paper="MMBench 47.2 of 69.8, MME 852.6 of 1537.8",
        ),
    ),
    limits=(
        "The other language model of the tiny recipe has read the same texts with another seed; "
        "LLaMA-2-Chat and Vicuna differ in their tuning too.",
    ),
    paper_numbers=(
        "aligned: MMBench 45.0, MME 936.3, LLaVA-Bench 32.4; swapped: 45.3, 557.0, 59.2",
        "Base: MMBench 69.8, MME 1537.8, LLaVA-Bench 38.5; swapped: 47.2, 852.6, 69.9",
        "Chat: MMBench 67.6, MME 1490.6, LLaVA-Bench 78.3; swapped: 47.0, 869.6, 74.6",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield each stage with its own language model and with another one."""
    other = replace(replicate, seed=replicate.seed + OTHER_SEED).pretrained
    if other is None:
        raise AnalysisError(
            "the study swap exchanges the language model of a recipe that pretrains its own: use "
            "the recipe tiny"
        )
    for stage in map(str, factors["stage"]):
        model = getattr(replicate, stage)
        swapped = ReplaceStep(model=model, donor=other, part="language_model")
        for name, subject in ((stage, model), (f"{stage}{SWAPPED}", swapped)):
            outputs = {
                CONVERSATIONS: replicate.evaluate(subject, replicate.conversations, limit=None)
            }
            yield replicate.arm(name, subject, outputs=outputs, stage=name)
