"""Whether the connector changes in tuning: put the aligned one back (paper, Table 6).

Weights near their start correlate highly whatever was learned, so the layers of the language model
are shown beside, and a connector of random weights as the floor. So are the features that each
connector gives of the same images.
"""

from collections.abc import Iterator

from visionflan.analysis import measures
from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim, Contrast
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.measure import Measure
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.step import Step
from visionflan.analysis.steps.comparison import CompareFeaturesStep, CompareWeightsStep
from visionflan.analysis.steps.surgery import RandomizeStep, ReplaceStep
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.study import Study

WEIGHTS, FEATURES = "weights", "features"
TUNED, ALIGNED, RANDOM = "tuned", "aligned", "random"
KEPT = 0.9  # the share that the paper says is kept
CORRELATION = 0.99  # the paper's


def correlation_of(outputs: ArmOutputs, part: str) -> float | None:
    """Return the correlation of a part's weights with those of the aligned model."""
    for row in outputs.facts(WEIGHTS).get("weights", ()):
        if row["part"] == part and not row["layer"]:
            value: float | None = row["pearson"]
            return value
    return None


def connector_correlation(outputs: ArmOutputs) -> float | None:
    """Return the correlation of the connector's weights, less the paper's 0.99."""
    return measures.difference(correlation_of(outputs, "connector"), CORRELATION)


def feature_similarity(outputs: ArmOutputs) -> float | None:
    """Return how alike the connected features are to those of the aligned model (CKA)."""
    value: float | None = outputs.facts(FEATURES).get("cka")
    return value


def lead_of_connector(outputs: ArmOutputs) -> float | None:
    """Return by how much the connector's correlation exceeds the language model's."""
    return measures.difference(
        correlation_of(outputs, "connector"), correlation_of(outputs, "language_model")
    )


def arm_name(stage: str, connector: str) -> str:
    """Return the name of an arm."""
    return f"{stage}, {connector} connector"


def kept_claim(stage: str, paper: str) -> Claim:
    """Return the claim that a stage keeps most of its score with the aligned connector."""
    return Claim(
        name=f"{stage}_keeps",
        sentence=f"With the aligned connector, {stage.title()} keeps more than 90 % of its score.",
        measure="trained",
        contrast=Contrast({arm_name(stage, ALIGNED): 1, arm_name(stage, TUNED): -KEPT}),
        direction="higher",
        smallest=0,
        paper=paper,
    )


study = Study(
    title="The aligned connector put back",
    question="How much of what was tuned lies in the connector?",
    paper="Table 6",
    factors=(
        Factor("stage", "the model that gets another connector", ("base", "chat")),
        Factor(
            "connector",
            "its own, the aligned one, a random one, or the share of the aligned one in a mixture",
            (TUNED, ALIGNED, RANDOM, 0.5),
            low=0,
            high=1,
        ),
    ),
    holds_out_tasks=False,
    measures=(
        measures.TRAINED,
        measures.TRAINED_LIKELIHOOD,
        measures.FORM,
        Measure(
            "correlation", "correlation of the connector’s weights less 0.99", connector_correlation
        ),
        Measure(
            "lead",
            "correlation of the connector’s weights less that of the language model’s",
            lead_of_connector,
        ),
        Measure(
            FEATURES,
            "likeness of what the language model gets of held-out images to what the aligned "
            "connector gives it (CKA)",
            feature_similarity,
        ),
    ),
    claims=(
        kept_claim("base", "MMBench 68.0 of 69.8, MME 1403.1 of 1537.8, POPE 84.0 of 85.9"),
        kept_claim("chat", "MMBench 65.7 of 67.6, MME 1332.2 of 1490.6, LLaVA-Bench 73.8 of 78.3"),
        Claim(
            name="correlation",
            sentence="The weights of the connector before and after correlate above 0.99.",
            measure="correlation",
            contrast=Contrast({arm_name("base", TUNED): 1}),
            direction="higher",
            smallest=0,
            paper="above 0.99",
        ),
        Claim(
            name="changes_less",
            sentence="The connector’s weights correlate more than the language model’s do.",
            measure="lead",
            contrast=Contrast({arm_name("base", TUNED): 1}),
            direction="higher",
            smallest=0,
            paper="not studied",
        ),
    ),
    limits=(
        "A correlation of weights near their start says little by itself: compare the language "
        "model’s beside it.",
        "A language model that was tuned with one connector may fit no other, however little is "
        "stored in it.",
        "The features of a random connector are much alike (CKA) too: arms with one are the floor.",
    ),
    paper_numbers=(
        "Base: MMBench 69.8, MME 1537.8, LLaVA-Bench 38.5, POPE 85.9",
        "Base, aligned connector: MMBench 68.0, MME 1403.1, LLaVA-Bench 36.4, POPE 84.0",
        "Chat: MMBench 67.6, MME 1490.6, LLaVA-Bench 78.3, POPE 86.1",
        "Chat, aligned connector: MMBench 65.7, MME 1332.2, LLaVA-Bench 73.8, POPE 85.4",
    ),
)


@study.arms
def arms(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    """Yield an arm for each stage and connector."""
    for stage in map(str, factors["stage"]):
        tuned = replicate.base if stage == "base" else replicate.chat
        for connector in factors["connector"]:
            model = with_connector(replicate, tuned, connector)
            outputs: dict[str, Step] = {}
            if connector != ALIGNED:
                outputs[FEATURES] = CompareFeaturesStep(
                    before=replicate.aligned, after=model, build=replicate.tasks.build
                )
            if connector == TUNED:
                outputs[WEIGHTS] = CompareWeightsStep(before=replicate.aligned, after=tuned)
            name = arm_name(stage, str(connector))
            yield replicate.arm(name, model, outputs=outputs, stage=stage, connector=connector)


def with_connector(replicate: Replicate, tuned: ModelStep, connector: object) -> ModelStep:
    """Return a tuned model with another connector."""
    if connector == TUNED:
        return tuned
    if connector == RANDOM:
        return RandomizeStep(model=tuned, seed=replicate.seed)
    weight = 1.0 if connector == ALIGNED else float(str(connector))
    return ReplaceStep(model=tuned, donor=replicate.aligned, part="connector", weight=weight)
