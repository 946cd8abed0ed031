"""Import checkpoints in the form of LLaVA's own code, and export to it."""

from pathlib import Path

from visionflan.atomic_write import atomic_directory
from visionflan.model.checkpoint_path import check_is_new
from visionflan.model.fingerprint import files_digest, fingerprint_model
from visionflan.model.original_llava.exporting import load_for_export, write_original
from visionflan.model.original_llava.importing import load_original
from visionflan.train.checkpoint import weights_source, write_model, write_run_json


def import_checkpoint(
    source: Path, out: Path, *, vision_tower: Path, chat_template: str = ""
) -> None:
    """Write a checkpoint of `transformers` with the weights of one of LLaVA's own code; atomic.

    Which images it was trained on is not known, so it has no list of them.
    """
    check_is_new(out)
    vlm, files, dtype = load_original(source, vision_tower, chat_template)
    weights = {f"model.{name}": weight for name, weight in vlm.model.state_dict().items()}
    imported = {
        "path": str(source),
        "weights_sha256": files_digest(files),
        "vision_tower": weights_source(vision_tower),
    }
    with atomic_directory(out) as temporary:
        write_model(temporary, vlm, weights, str(dtype).removeprefix("torch."))
        write_run_json(temporary, {"imported": imported}, fingerprint_model(vlm))


def export_checkpoint(checkpoint: Path, out: Path, *, vision_tower: str = "") -> None:
    """Write a checkpoint in the form of LLaVA's own code; atomic.

    `vision_tower` is the name of the tower on the hub, or its directory; empty stands for that of
    LLaVA-1.5.
    """
    check_is_new(out)
    model = load_for_export(checkpoint, vision_tower)
    with atomic_directory(out) as temporary:
        write_original(temporary, model)
