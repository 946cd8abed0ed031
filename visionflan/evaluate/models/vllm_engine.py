"""A checkpoint that vLLM runs in this process: answers, but no log-likelihoods.

Its prompts are the tokens of `transformers`, with one token for each image, which vLLM replaces by
as many as the image needs.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.evaluate.models.base import ConversationImages, Conversations, Reply
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.evaluate.records.header import ModelHeader
from visionflan.image_pixels import to_rgb
from visionflan.model.checkpoint_path import check_checkpoint

if TYPE_CHECKING:
    from visionflan.model.chat_tokenizer import ChatTokenizer

MAX_IMAGES = 8  # of one question; vLLM reserves memory for as many
NO_LIKELIHOODS = (
    "vLLM generated these answers and computed no log-likelihoods, so scores that need them are "
    "missing; `--engine transformers` computes them"
)


class VllmModel:
    """A checkpoint directory, loaded by vLLM when the first question comes.

    vLLM makes batches of its own out of all the questions that it gets at once.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        import vllm

        check_checkpoint(path)
        self.path, self.device, self.vllm = path, device, vllm

    @cached_property
    def digest(self) -> str:
        """The hash of all files that determine answers."""
        return checkpoint_digest(self.path)

    @cached_property
    def dtype(self) -> str:
        """The dtype of the weights: that of `transformers` on the same device."""
        from visionflan.model.generate import dtype_for, resolve_device

        return dtype_for(resolve_device(self.device))

    @property
    def precision(self) -> str:
        """The engine, its version and its dtype: each may change answers."""
        return f"vllm {self.vllm.__version__} {self.dtype}"

    @property
    def header(self) -> ModelHeader:
        """What an evaluation records about the model."""
        return ModelHeader(engine="vllm", no_likelihoods=NO_LIKELIHOODS)

    @cached_property
    def chat_tokenizer(self) -> "ChatTokenizer":
        """The tokenizer of conversations; it needs no weights."""
        from visionflan.model.families import load_chat_tokenizer

        return load_chat_tokenizer(self.path)

    @cached_property
    def llm(self) -> Any:
        """The loaded model."""
        return self.vllm.LLM(
            model=str(self.path),
            dtype=self.dtype,
            limit_mm_per_prompt={"image": MAX_IMAGES},
            seed=0,
        )

    def prompt_tokens(self, conversations: Conversations) -> list[list[int]]:
        """Return the token ids of each conversation's prompt, one for each image."""
        return self.chat_tokenizer.prompt_tokens(conversations)

    def generate(
        self, conversations: Conversations, images: ConversationImages, max_new_tokens: int
    ) -> Sequence[Reply]:
        """Return greedy answers."""
        for turns, turn_images in zip(conversations, images, strict=True):
            self.chat_tokenizer.validate(turns, len(turn_images))
        prompts = [
            make_prompt(token_ids, [to_rgb(image) for image in turn_images])
            for token_ids, turn_images in zip(
                self.prompt_tokens(conversations), images, strict=True
            )
        ]
        sampling = self.vllm.SamplingParams(
            temperature=0.0,
            max_tokens=max_new_tokens,
            stop_token_ids=sorted(self.chat_tokenizer.end_token_ids),
        )
        outputs = self.llm.generate(prompts, sampling, use_tqdm=False)
        return [self.decode(output.outputs[0]) for output in outputs]

    def decode(self, output: Any) -> Reply:
        """Return an answer up to its end token, as it is decoded with `transformers`."""
        from visionflan.model.generate import decode_answer

        end_token_ids = set(self.chat_tokenizer.end_token_ids)
        answer = decode_answer(self.chat_tokenizer, list(output.token_ids), end_token_ids)
        cut = output.finish_reason == "length"
        return answer._replace(finish_reason="length" if cut else "stop")


def make_prompt(token_ids: list[int], images: Sequence[Any]) -> dict[str, Any]:
    """Return a prompt as vLLM takes it; one without images has no data of them."""
    prompt: dict[str, Any] = {"prompt_token_ids": token_ids}
    return prompt | {"multi_modal_data": {"image": list(images)}} if images else prompt
