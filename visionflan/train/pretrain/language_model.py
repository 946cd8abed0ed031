"""Pretrain a language model on a build's texts, with facts written out in place of the images.

It learns to read a question, to find in the listed facts the one that is asked for, and to answer
in the requested format, in tasks and in conversations. To use images is learned later, by the
connector.

Suffixes of shapes: b rows, l tokens of a row, d hidden size, a target tokens, v vocabulary.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from visionflan.dataset import IMAGE_MARKER
from visionflan.hashing import shuffled
from visionflan.storage.instance import Instance
from visionflan.train.batch_sampler import BatchSampler
from visionflan.train.config import StageConfig
from visionflan.train.pretrain.fit import fit, init_wide
from visionflan.train.pretrain_config import PretrainConfig

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

IGNORE_INDEX = -100
MAX_FACTS = 8
# Answers that state nothing without their question.
NO_FACTS = frozenset({"yes", "no"})


class LabeledRow(NamedTuple):
    """A tokenized conversation; the labels of tokens without a loss are IGNORE_INDEX."""

    token_ids: list[int]
    labels: list[int]


def new_language_model(
    tokenizer: "PreTrainedTokenizerFast", settings: PretrainConfig
) -> "LlamaForCausalLM":
    """Return an untrained language model for a tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden_size = settings.hidden_size
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden_size,
            intermediate_size=5 * hidden_size // 2,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=hidden_size // 32,
            max_position_embeddings=4096,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    init_wide(model)
    return model


def pretrain_language_model(
    model: "LlamaForCausalLM",
    tokenizer: "PreTrainedTokenizerFast",
    instances: Sequence[Instance],
    settings: PretrainConfig,
    metrics: Path,
    *,
    seed: int,
) -> None:
    """Train the language model in place, on batches whose order follows from the seed."""
    tokenized = tokenize_with_facts(tokenizer, instances)
    rows = [row for row in tokenized if len(row.token_ids) <= settings.max_seq_len]
    stage = StageConfig(
        name="language_model",
        learning_rate=settings.language_learning_rate,
        steps=settings.language_steps,
        batch_tokens=settings.batch_tokens,
    )
    sampler = BatchSampler(np.array([len(row.token_ids) for row in rows], np.int32), stage, seed)
    batches = ([rows[index] for index in indices] for indices in sampler.from_step(0))
    losses = (partial(mean_loss, model, batch) for batch in batches)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.language_learning_rate, weight_decay=0.0, betas=(0.9, 0.98)
    )
    model.train()
    fit("language_model", losses, [optimizer], settings.language_steps, metrics)
    model.eval()


def tokenize_with_facts(
    tokenizer: "PreTrainedTokenizerFast", instances: Sequence[Instance]
) -> Iterator[LabeledRow]:
    """Yield every conversation by the chat template, with facts in place of image markers."""
    facts = facts_by_image(instances)
    for instance in instances:
        text = "; ".join(shuffled(facts[instance.images[0]], instance.id)[:MAX_FACTS])
        messages = [
            {"role": turn.role, "content": turn.text.replace(IMAGE_MARKER, text)}
            for turn in instance.turns
        ]
        encoding: Any = tokenizer.apply_chat_template(
            messages, return_dict=True, return_assistant_tokens_mask=True
        )
        token_ids, loss_mask = encoding["input_ids"], encoding["assistant_masks"]
        labels = [
            token if is_target else IGNORE_INDEX
            for token, is_target in zip(token_ids, loss_mask, strict=True)
        ]
        yield LabeledRow(token_ids, labels)


def facts_by_image(instances: Sequence[Instance]) -> dict[str, list[str]]:
    """Collect what is known about each image: the annotated answers to its questions."""
    facts = defaultdict[str, dict[str, None]](dict)
    for instance in instances:
        if instance.synthetic:
            continue
        answer = instance.target or instance.answer
        if answer.lower() not in NO_FACTS:
            facts[instance.images[0]].setdefault(answer)
    return defaultdict(list, {image: list(answers) for image, answers in facts.items()})


def mean_loss(model: "LlamaForCausalLM", rows: Sequence[LabeledRow]) -> Tensor:
    """Return the mean cross-entropy of the target tokens."""
    max_len = max(len(row.token_ids) for row in rows)
    padding = int(model.config.pad_token_id or 0)
    token_ids_bl = torch.tensor(
        [row.token_ids + [padding] * (max_len - len(row.token_ids)) for row in rows]
    )
    labels_bl = torch.tensor(
        [row.labels + [IGNORE_INDEX] * (max_len - len(row.labels)) for row in rows]
    )[:, 1:]
    hidden_bld = model.model(input_ids=token_ids_bl, use_cache=False).last_hidden_state[:, :-1]
    loss_mask_bl = labels_bl != IGNORE_INDEX
    logits_av = model.lm_head(hidden_bld[loss_mask_bl])
    return functional.cross_entropy(logits_av, labels_bl[loss_mask_bl])
