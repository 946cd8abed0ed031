"""A local judge: a text model of `transformers`, run in this process."""

import argparse
from collections import Counter
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from visionflan.errors import EvaluationError
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.hashing import stable_hash
from visionflan.llm.base import LlmCallError, LlmClient, LlmReply, LlmRequest, TokenPrices
from visionflan.plural import counted

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def add_arguments(choice: argparse._MutuallyExclusiveGroup, group: argparse._ArgumentGroup) -> None:
    """Declare the model and how it is run."""
    choice.add_argument(
        "--judge-local", type=Path, metavar="PATH", help="directory of a text model"
    )
    group.add_argument(
        "--judge-template",
        default="",
        metavar="NAME|FILE",
        help="chat template of a local model (default: the model's own)",
    )
    group.add_argument(
        "--judge-device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="auto",
        help="device of a local model (default: %(default)s)",
    )


def from_arguments(args: argparse.Namespace) -> LlmClient | None:
    """Return the judge in `--judge-local`, None without it."""
    if not args.judge_local:
        return None
    return LocalJudge(args.judge_local, args.judge_device, template=args.judge_template)


class LocalJudge:
    """A causal language model that answers one request at a time.

    Its name contains the digest of its files, so that other weights in the same directory are
    another judge. `template` is the name or the file of a chat template, for models without one.
    Above temperature 0 a reply depends on the request, the sample index, and how often that was
    sampled.
    """

    def __init__(self, path: Path, device: str = "auto", *, template: str = "") -> None:
        if not (path / "config.json").is_file():
            raise EvaluationError(f"{path} is not a text model: config.json is missing")
        self.path, self.device, self.template_name = path, device, template
        self.lock, self.num_samples = Lock(), Counter[tuple[LlmRequest, int]]()

    @cached_property
    def name(self) -> str:
        """The name of the directory and the digest of its content."""
        return f"{self.path.resolve().name}@{checkpoint_digest(self.path)[:12]}"

    @property
    def address(self) -> str:
        """The library, the chat template and the dtype."""
        template = sha256(self.template.encode()).hexdigest()[:12]
        return f"transformers {template} {self.dtype}"

    @property
    def prices(self) -> TokenPrices | None:
        """None: a local model is free."""
        return None

    @property
    def dtype(self) -> str:
        """The dtype of the weights: bfloat16 on a GPU, float32 on a CPU."""
        from visionflan.model.generate import resolve_device

        return "bfloat16" if resolve_device(self.device).type == "cuda" else "float32"

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The model's tokenizer."""
        from visionflan.model.pretrained import load_tokenizer

        return load_tokenizer(self.path)

    @cached_property
    def template(self) -> str:
        """The chat template: the named one, else the model's own."""
        from visionflan.model.chat_templates import load_template

        if self.template_name:
            return load_template(self.template_name)
        own: object = self.tokenizer.chat_template
        if not isinstance(own, str):
            raise EvaluationError(
                f"{self.path} has no chat template: name one with `--judge-template` (`vicuna` "
                "for Vicuna, or a Jinja file)"
            )
        return own

    @cached_property
    def model(self) -> "PreTrainedModel":
        """The loaded model."""
        import torch
        from transformers import AutoModelForCausalLM

        from visionflan.model.generate import resolve_device
        from visionflan.model.pretrained import load_pretrained

        dtype = getattr(torch, self.dtype)
        model: PreTrainedModel = load_pretrained(
            AutoModelForCausalLM, self.path, "judge", dtype=dtype
        )
        torch.nn.Module.to(model, resolve_device(self.device))
        model.eval()
        return model

    def complete(self, request: LlmRequest, sample_index: int) -> LlmReply:
        """Generate a reply, one at a time."""
        with self.lock:
            prompt_ids = self.tokenize(request)
            count = self.num_samples[request, sample_index]
            self.num_samples[request, sample_index] += 1
            contents = [message.text for message in request.messages]
            seed = stable_hash(sample_index, count, *contents) % 2**63
            new_ids = self.generate(prompt_ids, request, seed)
        text = str(self.tokenizer.decode(new_ids, skip_special_tokens=True)).strip()
        reply = LlmReply(text, self.name, len(prompt_ids), len(new_ids))
        if not text:
            raise LlmCallError("unparsable", "the local judge generated no text", reply=reply)
        return reply

    def tokenize(self, request: LlmRequest) -> list[int]:
        """Return the token ids of a chat; raise LlmCallError if it leaves no room for the reply."""
        prompt_ids: list[int] = self.tokenizer(self.render(request), add_special_tokens=False)[
            "input_ids"
        ]
        max_len = getattr(self.model.config, "max_position_embeddings", None)
        if max_len is not None and len(prompt_ids) + request.max_tokens > max_len:
            raise LlmCallError(
                "rejected",
                f"the prompt has {counted(len(prompt_ids), 'token')} and the reply up to "
                f"{request.max_tokens}, more than the judge's context of "
                f"{counted(max_len, 'token')}",
            )
        return prompt_ids

    def render(self, request: LlmRequest) -> str:
        """Render a chat by the template."""
        from jinja2 import TemplateError

        options: dict[str, Any] = {
            "chat_template": self.template,
            "add_generation_prompt": True,
            "tokenize": False,
        }
        messages = [message._asdict() for message in request.messages]
        try:
            return str(self.tokenizer.apply_chat_template(messages, **options))
        except TemplateError:  # some templates have no system role: put it before the user's text
            content = "\n\n".join(message.text for message in request.messages)
            user = [{"role": "user", "content": content}]
            return str(self.tokenizer.apply_chat_template(user, **options))

    def generate(self, prompt_ids: list[int], request: LlmRequest, seed: int) -> list[int]:
        """Return the generated token ids; the model's own sampling settings are ignored."""
        import torch
        from transformers import GenerationConfig

        own = self.model.generation_config
        eos_token_id = own.eos_token_id if own else None
        sampling: dict[str, Any] = {"do_sample": False}
        if request.temperature > 0:
            sampling = {"do_sample": True, "temperature": request.temperature, "top_k": 0}
        config = GenerationConfig(
            max_new_tokens=request.max_tokens,
            eos_token_id=self.tokenizer.eos_token_id if eos_token_id is None else eos_token_id,
            pad_token_id=self.tokenizer.eos_token_id,
            **sampling,
        )
        device = self.model.device
        row = torch.tensor([prompt_ids], device=device)
        generator: Any = self.model
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed)
            output = generator.generate(
                input_ids=row, attention_mask=torch.ones_like(row), generation_config=config
            )
        new_ids: list[int] = output[0, len(prompt_ids) :].tolist()
        return new_ids
