"""Check checkpoints against the digest of their weights in run.json."""

from pathlib import Path
from typing import NamedTuple

from visionflan.errors import BuildError
from visionflan.storage.stored_json import load_object
from visionflan.storage.trained_images import read_trained_images
from visionflan.verify.damage import DamageList

RUN = "run.json"


class VerifiedCheckpoints(NamedTuple):
    """The checkpoints that were checked, and what is wrong with them."""

    damages: DamageList
    checkpoints: list[Path]


def find_checkpoints(path: Path) -> list[Path]:
    """Return the checkpoint in a directory, or those of the stages of a run; [] if none."""
    candidates = [path, path / "checkpoint", *sorted(path.glob("*/checkpoint"))]
    return [directory for directory in candidates if (directory / RUN).is_file()]


def verify_checkpoints(path: Path) -> VerifiedCheckpoints:
    """Compare the weight files of checkpoints with the digests in their run.json."""
    from visionflan.model.fingerprint import weights_digest

    damages = DamageList()
    checkpoints = find_checkpoints(path)
    for checkpoint in checkpoints:
        name = str((checkpoint / RUN).relative_to(path))
        recorded = (load_object(checkpoint / RUN) or {}).get("weights_sha256")
        if not isinstance(recorded, str):
            damages.add(name, "it is damaged, or records no weights_sha256")
        elif not any(checkpoint.glob("*.safetensors")):
            damages.add(name, "the checkpoint has no *.safetensors file")
        elif weights_digest(checkpoint) != recorded:
            damages.add(name, "the *.safetensors files do not have the weights_sha256 it records")
        try:
            read_trained_images(checkpoint)
        except BuildError as error:
            damages.add(name, str(error))
    return VerifiedCheckpoints(damages, checkpoints)
