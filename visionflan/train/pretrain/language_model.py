"""Pretrain a language model on the words of a build, with facts written out in place of pictures.

It learns to read a question, to find in what it is told the fact that is asked for, and to answer
in the form that is wanted, in tasks and in conversation; seeing is learnt later, by the connector.

Letters of shapes: b rows, l tokens of a row, d width, a tokens to be learnt, v vocabulary.
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
from visionflan.train.config import PretrainConfig, StageConfig
from visionflan.train.pretrain.fit import fit, widen

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

IGNORED = -100
MOST_FACTS = 8
# An answer that says nothing by itself is no fact.
NO_FACTS = frozenset({"yes", "no"})


class Row(NamedTuple):
    """A conversation in tokens, and those of them that are to be learnt."""

    tokens: list[int]
    labels: list[int]


def new_language_model(
    tokenizer: "PreTrainedTokenizerFast", settings: PretrainConfig
) -> "LlamaForCausalLM":
    """Make an untrained language model for the tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    width = settings.hidden_size
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=5 * width // 2,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=width // 32,
            max_position_embeddings=4096,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    widen(model)
    return model


def pretrain_language_model(
    model: "LlamaForCausalLM",
    tokenizer: "PreTrainedTokenizerFast",
    instances: Sequence[Instance],
    settings: PretrainConfig,
    metrics: Path,
) -> None:
    """Train the language model in place."""
    made = encoded(tokenizer, instances)
    rows = [row for row in made if len(row.tokens) <= settings.max_seq_len]
    stage = StageConfig(
        name="language_model",
        learning_rate=settings.language_learning_rate,
        steps=settings.language_steps,
        batch_tokens=settings.batch_tokens,
    )
    plan = BatchSampler(np.array([len(row.tokens) for row in rows], dtype=np.int32), stage, 0)
    losses = (partial(loss, model, [rows[place] for place in batch]) for batch in plan.from_step(0))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.language_learning_rate, weight_decay=0.0, betas=(0.9, 0.98)
    )
    model.train()
    fit("language_model", losses, [optimizer], settings.language_steps, metrics)
    model.eval()


def encoded(tokenizer: "PreTrainedTokenizerFast", instances: Sequence[Instance]) -> Iterator[Row]:
    """Set every conversation by the chat template, facts in place of the image markers."""
    told = facts(instances)
    for instance in instances:
        written = "; ".join(shuffled(told[instance.images[0]], instance.id)[:MOST_FACTS])
        messages = [
            {"role": turn.role, "content": turn.text.replace(IMAGE_MARKER, written)}
            for turn in instance.turns
        ]
        made: Any = tokenizer.apply_chat_template(
            messages, return_dict=True, return_assistant_tokens_mask=True
        )
        tokens, learned = made["input_ids"], made["assistant_masks"]
        labels = [t if mark else IGNORED for t, mark in zip(tokens, learned, strict=True)]
        yield Row(tokens, labels)


def facts(instances: Sequence[Instance]) -> dict[str, list[str]]:
    """Gather what is known of each picture: the answers that were given about it."""
    told = defaultdict[str, dict[str, None]](dict)
    for instance in instances:
        if instance.synthetic:
            continue
        answer = instance.target or instance.answer
        if answer.lower() not in NO_FACTS:
            told[instance.images[0]].setdefault(answer)
    return defaultdict(list, {image: list(answers) for image, answers in told.items()})


def loss(model: "LlamaForCausalLM", rows: Sequence[Row]) -> Tensor:
    """Give the mean cross-entropy of the answers' tokens."""
    longest = max(len(row.tokens) for row in rows)
    pad = int(model.config.pad_token_id or 0)
    tokens_bl = torch.tensor([row.tokens + [pad] * (longest - len(row.tokens)) for row in rows])
    labels_bl = torch.tensor(
        [row.labels + [IGNORED] * (longest - len(row.labels)) for row in rows]
    )[:, 1:]
    hidden_bld = model.model(input_ids=tokens_bl, use_cache=False).last_hidden_state[:, :-1]
    learned_bl = labels_bl != IGNORED
    scores_av = model.lm_head(hidden_bld[learned_bl])
    return functional.cross_entropy(scores_av, labels_bl[learned_bl])
