"""Pretrain a vision tower on the words of the answers, in place of CLIP's pretraining on captions.

From the patches of a picture, a task and the words of a question, a small head tells which words
the answer holds; then the head is thrown away. The labels are those of the build's training
instances and no others: that is more supervision than a fresh tower would have, and the report of a
run says so.

Letters of shapes: i images, n patches, q questions, d width, w words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visionflan.hashing import stable_hash
from visionflan.storage.instance import Instance
from visionflan.train.config import PretrainConfig
from visionflan.train.pretrain.fit import fit, widen

if TYPE_CHECKING:
    from transformers import CLIPVisionModel

PixelsOf = Callable[[list[str]], Tensor]

# The most frequent words count; the rest of a large build's words are too rare to learn here.
MOST_WORDS = 2000
HEADS = 4


def new_tower(settings: PretrainConfig, folder: Path) -> "CLIPVisionModel":
    """Make an untrained tower, and save how its images are to be prepared."""
    from transformers import CLIPVisionConfig, CLIPVisionModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = settings.image_size
    tower = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=settings.hidden_size,
            intermediate_size=2 * settings.hidden_size,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=settings.hidden_size // 32,
            image_size=side,
            patch_size=settings.patch_size,
        )
    )
    widen(tower)
    CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    ).save_pretrained(folder)
    return tower


class TowerTraining:
    """A tower about to be pretrained in place."""

    def __init__(
        self,
        tower: "CLIPVisionModel",
        instances: Sequence[Instance],
        pixels: PixelsOf,
        settings: PretrainConfig,
    ) -> None:
        self.tower, self.pixels, self.settings = tower, pixels, settings
        self.questions = Questions(instances)
        self.reader = Reader(tower, self.questions, settings.hidden_size)

    def loss(self, batch: "Batch") -> Tensor:
        """Give the loss on a batch."""
        return self.reader.loss(self.pixels(batch.images), batch)

    def probe(self) -> Callable[[], None]:
        """Give a pass forward and back that changes nothing, to be timed."""
        (batch,) = self.questions.batches(1, self.settings.batch_size)

        def passed() -> None:
            self.loss(batch).backward()
            self.reader.zero_grad(set_to_none=True)

        return passed

    def run(self, metrics: Path) -> None:
        """Train for the steps of the settings."""
        steps, size = self.settings.vision_steps, self.settings.batch_size
        losses = (partial(self.loss, batch) for batch in self.questions.batches(steps, size))
        self.tower.train()
        fit(
            "tower",
            losses,
            optimizers_of(self.reader, self.settings.vision_learning_rate),
            steps,
            metrics,
        )
        self.tower.eval()


class Batch(NamedTuple):
    """Some pictures, all that is asked of them, and the words of the answers."""

    images: list[str]
    image_q: Tensor
    task_q: Tensor
    words: Tensor
    offsets_q: Tensor
    answers_qw: Tensor


class Questions:
    """What is asked of each picture, in numbers."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self.asked = defaultdict[str, list[Instance]](list)
        for instance in instances:
            self.asked[instance.images[0]].append(instance)
        self.tasks = numbered(instance.task for instance in instances)
        self.words = frequent(i.text for i in instances)
        self.answers = frequent(i.target or i.answer for i in instances)

    def batches(self, steps: int, size: int) -> Iterator[Batch]:
        """Deal the pictures in a new order each time round."""
        names = sorted(self.asked)
        size, dealt = min(size, len(names)), list[str]()
        for number in range(steps):
            if len(dealt) < size:
                order = np.random.RandomState(number).permutation(len(names))
                dealt = [names[place] for place in order]
            yield self.batch(dealt[:size])
            dealt = dealt[size:]

    def batch(self, images: list[str]) -> Batch:
        """Put into numbers what is asked of these pictures."""
        asked = [(place, each) for place, name in enumerate(images) for each in self.asked[name]]
        words = [[self.words[word] for word in known(self.words, each.text)] for _, each in asked]
        answers = torch.zeros(len(asked), len(self.answers))
        for row, (_, each) in enumerate(asked):
            answers[
                row, [self.answers[w] for w in known(self.answers, each.target or each.answer)]
            ] = 1
        starts = np.cumsum([0, *map(len, words)][:-1])
        return Batch(
            images,
            torch.tensor([place for place, _ in asked]),
            torch.tensor([self.tasks[each.task] for _, each in asked]),
            torch.tensor([word for row in words for word in row], dtype=torch.long),
            torch.as_tensor(starts, dtype=torch.long),
            answers,
        )


class Reader(nn.Module):
    """The tower, and a head that looks at its patches with the question in mind."""

    def __init__(self, tower: "CLIPVisionModel", questions: Questions, width: int) -> None:
        super().__init__()
        self.tower = tower
        self.head = nn.ModuleDict(
            {
                "task": nn.Embedding(len(questions.tasks), width),
                "words": nn.EmbeddingBag(max(1, len(questions.words)), width, mode="sum"),
                "norm": nn.LayerNorm(width),
                "mix": two_layers(width, width, width),
                "look": nn.MultiheadAttention(width, HEADS, batch_first=True),
                "answer": two_layers(2 * width, 2 * width, len(questions.answers)),
            }
        )
        widen(self.head)

    def loss(self, pixels: Tensor, batch: Batch) -> Tensor:
        """Give the cross-entropy of the words, summed over words and averaged over questions."""
        patches_ind = self.head["norm"](self.tower(pixel_values=pixels).last_hidden_state[:, 1:])
        patches_qnd = patches_ind[batch.image_q]
        asked_qd = self.head["task"](batch.task_q) + self.head["words"](
            batch.words, batch.offsets_q
        )
        asked_qd = asked_qd + self.head["mix"](asked_qd)
        seen_qd = self.head["look"](
            asked_qd[:, None], patches_qnd, patches_qnd, need_weights=False
        )[0][:, 0]
        scores_qw = self.head["answer"](torch.cat([seen_qd, asked_qd], dim=1))
        summed = functional.binary_cross_entropy_with_logits(
            scores_qw, batch.answers_qw, reduction="sum"
        )
        return summed / len(batch.task_q)


def two_layers(inside: int, between: int, outside: int) -> nn.Sequential:
    """Make two linear layers with GELU between."""
    return nn.Sequential(nn.Linear(inside, between), nn.GELU(), nn.Linear(between, outside))


def optimizers_of(reader: Reader, rate: float) -> list[torch.optim.Optimizer]:
    """Train the tower's matrices with Muon, which needs fewer steps, and the rest with AdamW."""
    matrices = [
        weight
        for name, weight in reader.tower.named_parameters()
        if weight.ndim == 2 and "embed" not in name
    ]
    chosen = set(map(id, matrices))
    rest = [weight for weight in reader.parameters() if id(weight) not in chosen]
    return [
        torch.optim.Muon(
            matrices, lr=5 * rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="original"
        ),
        torch.optim.AdamW(rest, lr=rate, weight_decay=0.05, betas=(0.9, 0.98)),
    ]


def numbered(names: Iterator[str]) -> dict[str, int]:
    """Number names in their order."""
    return {name: number for number, name in enumerate(sorted(set(names)))}


def frequent(texts: Iterator[str]) -> dict[str, int]:
    """Number the most frequent words of the texts."""
    counts = Counter(word for text in texts for word in set(split(text)))
    first = sorted(counts, key=lambda word: (-counts[word], stable_hash(word)))[:MOST_WORDS]
    return numbered(iter(first))


def known(numbers: dict[str, int], text: str) -> list[str]:
    """Give the words of a text that have a number, each once."""
    return [word for word in dict.fromkeys(split(text)) if word in numbers]


def split(text: str) -> list[str]:
    """Split a text into words and marks."""
    return re.findall(r"\w+|[^\w\s]", text.lower())
