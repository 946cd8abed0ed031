"""The part of lmms-eval that is used, for tests without it, and a process among several of it."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tests.helpers.tiny_requests import BLUE, RED
from visionflan.evaluate.models.checkpoint import checkpoint_digest

INTEGRATION = "visionflan.integrations.lmms_eval"
ROWS: list[dict[str, Any]] = [
    {"question": "What color is the shape?", "images": [RED], "answer": "red"},
    {"question": "how many are there?", "images": None, "answer": "two"},
    {"question": "name the <image> and the <image>", "images": [BLUE, RED], "answer": "blue"},
    {"question": "What color is the circle in the picture?", "images": [BLUE], "answer": "blue"},
]
GREEDY = {"max_new_tokens": 6, "temperature": 0, "do_sample": False, "until": ["\n\n"]}


class Request(NamedTuple):
    """A request of the harness: arguments, and the name of the task."""

    args: tuple[Any, ...]
    task_name: str = "colors"


class Manifest(NamedTuple):
    model_id: str
    simple_class_path: str


class StandIn:
    """The part of the harness's base class that is used."""

    def __init__(self) -> None:
        self.task_dict: dict[str, Any] = {}


def stand_in_modules() -> dict[str, ModuleType]:
    """Return the modules of the harness by their names."""
    modules = {name: ModuleType(name) for name in ("lmms_eval", "lmms_eval.api")}
    modules["lmms_eval.models"] = ModuleType("lmms_eval.models")
    for name, attribute, value in (
        ("lmms_eval.api.model", "lmms", StandIn),
        ("lmms_eval.models.registry_v2", "ModelManifest", Manifest),
    ):
        modules[name] = ModuleType(name)
        setattr(modules[name], attribute, value)
    return modules


def digest(checkpoint: Path) -> str:
    return f"sha256:{checkpoint_digest(checkpoint)}"[:19]


def load_model(integration: Any, checkpoint: Path, batch_size: str = "3", **options: Any) -> Any:
    """Return the model that the harness runs, with the rows of one task."""
    model = integration.VisionflanModel(
        str(checkpoint), digest(checkpoint), batch_size=batch_size, **options
    )
    model.task_dict = {"colors": {"test": ROWS}}
    return model


def images_of(row: dict[str, Any]) -> Any:
    return row["images"]


def generation_request(index: int, **kwargs: Any) -> Request:
    args = (ROWS[index]["question"], GREEDY | kwargs, images_of, index, "colors", "test")
    return Request(args)


def likelihood_request(index: int, continuation: Any) -> Request:
    return Request((ROWS[index]["question"], continuation, images_of, index, "colors", "test"))


def all_requests() -> tuple[list[Request], list[Request]]:
    """Return requests of both kinds, an odd number of each."""
    generation = [generation_request(index) for index in (0, 1, 2, 3, 0)]
    likelihoods = [likelihood_request(0, "red"), likelihood_request(0, "blue")]
    likelihoods += [likelihood_request(index, ROWS[index]["answer"]) for index in (1, 2, 3)]
    return generation, likelihoods


def main(checkpoint: str, out: str) -> None:
    """Compute a share of all requests as the harness does, and write what was gathered."""
    import torch
    from torch import distributed

    sys.modules.update(stand_in_modules())
    model = load_model(importlib.import_module(INTEGRATION), Path(checkpoint))
    generation, likelihoods = (
        requests[model._rank :: model._world_size] for requests in all_requests()
    )
    own = {
        "rank": model._rank,
        "device": str(model.device),
        "answers": model.generate_until(generation),
        "losses": model.loglikelihood(likelihoods),
    }
    shares = model.accelerator.gather(torch.tensor(len(generation), device=model.device))
    gathered: list[Any] = [None] * model._world_size
    distributed.all_gather_object(gathered, own | {"shares": shares.tolist()})
    model.accelerator.wait_for_everyone()
    if model._rank == 0:
        Path(out).write_text(json.dumps(gathered))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
