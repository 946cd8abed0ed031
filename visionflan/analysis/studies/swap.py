"""What another language model behind the tuned connector changes (paper, Table 7).

In miniature the other model is pretrained with another seed on the same texts; for a real recipe it
is any of the same width and vocabulary, in a directory.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim, difference
from visionflan.analysis.factor import Factor, Factors, single_value
from visionflan.analysis.replicate import BASE, Replicate
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.surgery import ReplaceStep
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.studies.synthetic import CONVERSATIONS, STYLE
from visionflan.analysis.study import Study
from visionflan.errors import AnalysisError

OTHER_SEED = 1000  # added to the seed of the replicate
SWAPPED = ", swapped"
FROZEN, OTHER = "frozen", "another seed"

study = Study(
    title="Another language model",
    question="Which scores does the language model carry, whatever the connector learned?",
    paper="Table 7",
    factors=(
        Factor(
            "stage",
            "the model that gets another; `frozen` is Base of which only the connector was tuned",
            ("aligned", "base", "chat"),
            paper=("aligned", FROZEN, "base", "chat"),
        ),
        Factor(
            "language_model",
            "the other one: pretrained with another seed, or the directory of one",
            (OTHER,),
            paper=("llama-2-13b-chat",),
            pattern=".+",
        ),
    ),
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
        "Base, frozen: MMBench 52.4, MME 1107.3, LLaVA-Bench 41.6; swapped: 46.6, 1095.8, 56.4",
        "Base: MMBench 69.8, MME 1537.8, LLaVA-Bench 38.5; swapped: 47.2, 852.6, 69.9",
        "Chat: MMBench 67.6, MME 1490.6, LLaVA-Bench 78.3; swapped: 47.0, 869.6, 74.6",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield each stage with its own language model and with another one."""
    source = str(single_value(factors, "language_model"))
    other = Path(source) if source != OTHER else pretrained_again(replicate)
    for stage in map(str, factors["stage"]):
        model = stage_model(replicate, stage)
        swapped = ReplaceStep(model=model, donor=other, part="language_model")
        for name, subject in ((stage, model), (f"{stage}{SWAPPED}", swapped)):
            outputs = {
                CONVERSATIONS: replicate.evaluate(subject, replicate.conversations, limit=None)
            }
            yield replicate.arm(name, subject, outputs=outputs, stage=name)


def pretrained_again(replicate: Replicate) -> PretrainStep:
    """Return the parts that the recipe pretrains with another seed."""
    other = replace(replicate, seed=replicate.seed + OTHER_SEED).pretrained
    if other is None:
        raise AnalysisError(
            f"the recipe {replicate.recipe.name} pretrains no language model: name the directory "
            "of another one with --set language_model=DIR"
        )
    return other


def stage_model(replicate: Replicate, stage: str) -> ModelStep:
    """Return the model that gets another language model."""
    if stage == FROZEN:
        return replicate.train(BASE, replicate.aligned, trainable=("connector",))
    model: ModelStep = getattr(replicate, stage)
    return model
