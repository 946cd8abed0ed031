"""The words that a dataset file may use: categories, metrics, licenses and official splits."""

from typing import Literal

TaskGroup = Literal["question answering", "generation", "classification"]
MetricName = Literal[
    "exact_match",
    "vqa_accuracy",
    "anls",
    "relaxed_accuracy",
    "cider",
    "rouge_l",
    "bleu_4",
    "character_accuracy",
    "set_f1",
]
Layout = Literal["confirmed", "unconfirmed"]
OfficialSplit = Literal["train", "validation", "test"]

# The categories of the paper's Appendix I, each in one of its three primary groups.
CATEGORIES: dict[str, TaskGroup] = {
    "Perception": "question answering",
    "Outside Knowledge": "question answering",
    "Reasoning": "question answering",
    "OCR": "question answering",
    "Document-Level OCR": "generation",
    "Phrase-Level OCR": "generation",
    "Knowledge Extraction": "generation",
    "Semantic Art Understanding": "generation",
    "Visual Dialogue": "generation",
    "Rational and Script Generation": "generation",
    "Coarse-grained Captioning": "generation",
    "Fine-grained Captioning": "generation",
    "Scene Classification": "classification",
    "Animal Classification": "classification",
    "Vehicle Classification": "classification",
    "Human Activity": "classification",
    "Facial Recognition": "classification",
    "Anomaly Detection": "classification",
    "General Object": "classification",
    "Complex Reasoning": "classification",
    "Image Text Matching": "classification",
    "General Object in Special Image Domain": "classification",
    "Image-Style Classification": "classification",
    "Image Quality Classification": "classification",
    "Texture Classification": "classification",
}

# The owners forbid training on it: built only on request, and then held out completely.
EVALUATION_ONLY = "evaluation-only"

# SPDX identifiers, and five names for terms without one. True: commercial use is allowed.
LICENSES: dict[str, bool] = {
    "Apache-2.0": True,
    "BSD-2-Clause": True,
    "BSD-3-Clause": True,
    "CC0-1.0": True,
    "CC-BY-2.0": True,
    "CC-BY-3.0": True,
    "CC-BY-4.0": True,
    "CC-BY-SA-3.0": True,
    "CC-BY-SA-4.0": True,
    "CC-BY-NC-4.0": False,
    "CC-BY-NC-SA-3.0": False,
    "CC-BY-NC-SA-4.0": False,
    "CC-BY-NC-ND-4.0": False,
    "GPL-3.0-only": True,
    "MIT": True,
    "ODbL-1.0": True,
    "DbCL-1.0": True,
    "attribution": True,
    EVALUATION_ONLY: False,
    "non-commercial": False,
    "research-only": False,
    "unknown": False,
}
