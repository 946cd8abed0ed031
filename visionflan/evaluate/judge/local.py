"""A judge in this process: a text model of `transformers`, from a folder."""

from collections import Counter
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError, JudgeReply, TokenPrices
from visionflan.evaluate.judge.rubric import JudgeRequest
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.hashing import stable_hash

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class LocalJudge:
    """A causal language model that is asked one question at a time.

    Its name holds the digest of its files, so that other weights in the same folder are another
    judge. `template` names a chat template, or a file of one, for models that bring none. Above
    temperature 0 what it says depends on the question, the repeat, and how often it was asked.
    """

    def __init__(self, path: Path, device: str = "auto", *, template: str = "") -> None:
        if not (path / "config.json").is_file():
            raise EvaluationError(f"{path} is no text model: it holds no config.json")
        self.path, self.device, self.told = path, device, template
        self.lock, self.times = Lock(), Counter[tuple[JudgeRequest, int]]()

    @cached_property
    def name(self) -> str:
        """Name the folder and its content."""
        return f"{self.path.resolve().name}@{checkpoint_digest(self.path)[:12]}"

    @property
    def address(self) -> str:
        """Tell by which library, template and arithmetic it answers."""
        template = sha256(self.template.encode()).hexdigest()[:12]
        return f"transformers {template} {self.precision}"

    @property
    def prices(self) -> TokenPrices | None:
        """A model of one's own costs nothing a call."""
        return None

    @property
    def precision(self) -> str:
        """Name the arithmetic: half precision on an accelerator, single on a processor."""
        from visionflan.model.generate import resolve_device

        return "bfloat16" if resolve_device(self.device).type == "cuda" else "float32"

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The model's tokenizer."""
        from visionflan.model.pretrained import open_tokenizer

        return open_tokenizer(self.path)

    @cached_property
    def template(self) -> str:
        """The chat template: the one that is told, else the model's own."""
        from visionflan.model.chat_templates import template

        if self.told:
            return template(self.told)
        own: object = self.tokenizer.chat_template
        if not isinstance(own, str):
            raise EvaluationError(
                f"{self.path} brings no chat template: name one with `--judge-template` (`vicuna` "
                "for Vicuna, or a Jinja file)"
            )
        return own

    @cached_property
    def model(self) -> "PreTrainedModel":
        """The model in memory."""
        import torch
        from transformers import AutoModelForCausalLM

        from visionflan.model.generate import resolve_device
        from visionflan.model.pretrained import from_folder

        dtype = getattr(torch, self.precision)
        model: PreTrainedModel = from_folder(AutoModelForCausalLM, self.path, "judge", dtype=dtype)
        torch.nn.Module.to(model, resolve_device(self.device))
        model.eval()
        return model

    def ask(self, request: JudgeRequest, repeat: int) -> JudgeReply:
        """Answer, one question at a time."""
        with self.lock:
            tokens = self.encoded(request)
            time = self.times[request, repeat]
            self.times[request, repeat] += 1
            words = [message.content for message in request.messages]
            written = self.written(tokens, request, stable_hash(repeat, time, *words) % 2**63)
        text = str(self.tokenizer.decode(written, skip_special_tokens=True)).strip()
        reply = JudgeReply(text, self.name, len(tokens), len(written))
        if not text:
            raise JudgeError("unusable", "the judge said nothing", reply=reply)
        return reply

    def encoded(self, request: JudgeRequest) -> list[int]:
        """Write a request as the model's conversations are, and see that it fits."""
        from jinja2 import TemplateError

        messages = [message._asdict() for message in request.messages]
        given: dict[str, Any] = {
            "chat_template": self.template,
            "add_generation_prompt": True,
            "tokenize": False,
        }
        try:
            words = self.tokenizer.apply_chat_template(messages, **given)
        except TemplateError:  # some models know no system's words: they go before the user's
            joined = "\n\n".join(message.content for message in request.messages)
            alone = [{"role": "user", "content": joined}]
            words = self.tokenizer.apply_chat_template(alone, **given)
        tokens: list[int] = self.tokenizer(words, add_special_tokens=False)["input_ids"]
        most = getattr(self.model.config, "max_position_embeddings", None)
        if most is not None and len(tokens) + request.max_tokens > most:
            raise JudgeError(
                "refused",
                f"the question has {len(tokens)} tokens and the reply up to {request.max_tokens}, "
                f"more than the {most} that the judge takes",
            )
        return tokens

    def written(self, tokens: list[int], request: JudgeRequest, seed: int) -> list[int]:
        """Write on from a prompt; what the model's own files say of sampling does not count."""
        import torch
        from transformers import GenerationConfig

        own = self.model.generation_config
        ends = own.eos_token_id if own else None
        sampling: dict[str, Any] = {"do_sample": False}
        if request.temperature > 0:
            sampling = {"do_sample": True, "temperature": request.temperature, "top_k": 0}
        config = GenerationConfig(
            max_new_tokens=request.max_tokens,
            eos_token_id=ends if ends is not None else self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.eos_token_id,
            **sampling,
        )
        device = self.model.device
        row = torch.tensor([tokens], device=device)
        generator: Any = self.model
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed)
            out = generator.generate(
                input_ids=row, attention_mask=torch.ones_like(row), generation_config=config
            )
        new: list[int] = out[0, len(tokens) :].tolist()
        return new
