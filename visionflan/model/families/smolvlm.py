"""SmolVLM (Marafioti et al. 2025, arXiv:2504.05299)."""

from visionflan.model.families.idefics3 import Idefics3


class SmolVLM(Idefics3):
    """A model with the classes of SmolVLM in `transformers`; it writes images as Idefics3 does."""

    model_types = ("smolvlm",)
    model_class = "SmolVLMForConditionalGeneration"
    image_processor = "smolvlm.image_processing_pil_smolvlm:SmolVLMImageProcessorPil"


FAMILY = SmolVLM
