"""Qwen3-VL (Bai et al. 2025, arXiv:2511.21631): features of several layers of the vision tower."""

from visionflan.model.base import PartNames
from visionflan.model.families.qwen2_vl import Qwen2VL


class Qwen3VL(Qwen2VL):
    """A model with the classes of Qwen3-VL in `transformers`; its processor is Qwen2-VL's."""

    model_types = ("qwen3_vl",)
    model_class = "Qwen3VLForConditionalGeneration"
    part_names = PartNames(
        vision_tower=("model.visual",),
        connector=("model.visual.merger", "model.visual.deepstack_merger_list"),
    )


FAMILY = Qwen3VL
