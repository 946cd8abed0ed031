"""Import what most steps need; the process that those of steps are forked from imports this module.

Each step would otherwise import it again, which takes longer than the work of a short step.
"""

from importlib import import_module

import pyarrow as pa

MODULES = (
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "pyarrow.dataset",
    "torch.utils.tensorboard",
    "transformers.generation.utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.processing_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.clip.image_processing_pil_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.llama.modeling_llama",
    "transformers.models.llava.image_processing_pil_llava",
    "transformers.models.llava.modeling_llava",
    "transformers.models.llava.processing_llava",
    "visionflan.analysis.execute",
    "visionflan.analysis.steps.comparison",
    "visionflan.analysis.steps.evaluate",
    "visionflan.analysis.steps.surgery",
    "visionflan.analysis.steps.train",
    "visionflan.model.families.llava",
    "visionflan.model.logprobs",
    "visionflan.train.pretrain.tiny_model",
)

for module in MODULES:
    import_module(module)
pa.array([0])  # looks for pandas, which is imported by the first call
