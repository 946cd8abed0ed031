"""Which parts learn: language model and connector, each frozen or tuned (paper, Table 5)."""

from collections.abc import Iterator

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim, Contrast
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.replicate import BASE, Replicate
from visionflan.analysis.study import Study
from visionflan.model.base import ModelPart

NONE, CONNECTOR, LANGUAGE_MODEL, BOTH = "none", "connector", "language_model", "both"
TRAINABLE: dict[str, tuple[ModelPart, ...]] = {
    CONNECTOR: ("connector",),
    LANGUAGE_MODEL: ("language_model",),
    BOTH: ("connector", "language_model"),
    "all": ("vision_tower", "connector", "language_model"),
}

study = Study(
    title="Which parts are tuned",
    question="What does instruction tuning teach each part of the model?",
    paper="Table 5",
    factors=(
        Factor(
            "trained",
            "the parts that the first stage trains; none is the aligned model",
            (NONE, CONNECTOR, LANGUAGE_MODEL, BOTH),
        ),
    ),
    conditions=("original", "blank"),
    holds_out_tasks=False,
    measures=(measures.IMAGE_GAP, measures.TRAINED, measures.BLANK_IMAGES, measures.FORM),
    claims=(
        Claim(
            name="language_model_learns_most",
            sentence="Tuning the language model alone gains more than tuning the connector alone.",
            measure="image_gap",
            contrast=Contrast({LANGUAGE_MODEL: 1, CONNECTOR: -1}),
            direction="higher",
            smallest=0.05,
            expected=0.16,
            sd=0.03,
            paper="MME 1495.5 against 1107.3, MMBench 69.2 against 52.4",
        ),
        Claim(
            name="connector_adds_little",
            sentence="Tuning the connector too adds little to tuning the language model.",
            measure="image_gap",
            contrast=Contrast({BOTH: 1, LANGUAGE_MODEL: -1}),
            direction="not_higher",
            smallest=0.05,
            expected=0.01,
            sd=0.02,
            paper="MME 1537.8 against 1495.5, MMBench 69.8 against 69.2",
        ),
    ),
    limits=(
        "The gap between true and gray images is what is learned about images; what a model can "
        "answer without them counts for no part.",
    ),
    paper_numbers=(
        "both frozen: MMBench 45.0, MME 936.3, LLaVA-Bench 32.4, POPE 51.9",
        "connector tuned: MMBench 52.4, MME 1107.3, LLaVA-Bench 39.1, POPE 83.3",
        "language model tuned: MMBench 69.2, MME 1495.5, LLaVA-Bench 39.3, POPE 85.6",
        "both tuned: MMBench 69.8, MME 1537.8, LLaVA-Bench 38.5, POPE 85.9",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each choice of parts; all start from the same aligned model."""
    for name in map(str, factors["trained"]):
        model = replicate.aligned
        if name != NONE:
            model = replicate.train(BASE, replicate.aligned, trainable=TRAINABLE[name])
        yield replicate.arm(name, model, trained=name)
