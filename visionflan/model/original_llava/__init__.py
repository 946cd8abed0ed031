"""Checkpoints in the form of LLaVA's own code (haotian-liu/LLaVA), read and written.

`config.json` has the settings of a Llama or a Mistral, and beside them those of the vision tower
and the connector. A file each for settings, weights, importing and exporting.
"""

# The beginnings of the names of weights (`llava/model/llava_arch.py`). The vision tower is a module
# within one of the same name (`llava/model/multimodal_encoder/clip_encoder.py`).
TOWER_PREFIX = "model.vision_tower.vision_tower."
CONNECTOR_PREFIX = "model.mm_projector."
# The layers of a connector of type `mlp2x_gelu` (`llava/model/multimodal_projector/builder.py`), by
# their names in `transformers`.
CONNECTOR_LAYERS = {"linear_1": "0", "linear_2": "2"}


def original_connector_name(name: str) -> str:
    """Return the original name of a connector's weight, by its name in `transformers`."""
    layer, _, rest = name.partition(".")
    return f"{CONNECTOR_LAYERS[layer]}.{rest}"
