"""Qwen2.5-VL (Bai et al. 2025, arXiv:2502.13923)."""

from visionflan.model.families.qwen2_vl import Qwen2VL


class Qwen25VL(Qwen2VL):
    """A model with the classes of Qwen2.5-VL in `transformers`; its processor is Qwen2-VL's."""

    model_types = ("qwen2_5_vl",)
    model_class = "Qwen2_5_VLForConditionalGeneration"


FAMILY = Qwen25VL
