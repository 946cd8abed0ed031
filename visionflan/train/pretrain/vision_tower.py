"""Pretrain a vision tower on the words of answers, in place of CLIP's pretraining on captions.

From the patches of an image, a task and the words of a question, a small head predicts the words
of the answer; the head is then discarded. The labels are those of the build's training instances
only. That is still more supervision than CLIP has for these tasks, and the report of a run says so.

Suffixes of shapes: i images, n patches, q questions, d hidden size, w words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visionflan.hashing import stable_hash
from visionflan.storage.instance import Instance
from visionflan.train.pretrain.fit import fit, init_wide
from visionflan.train.pretrain.muon import Float32Muon
from visionflan.train.pretrain_config import PretrainConfig

if TYPE_CHECKING:
    from transformers import CLIPVisionModel

LoadPixels = Callable[[list[str]], Tensor]

# Less frequent words of a large build are too rare to be learned here.
MAX_WORDS = 2000
NUM_HEADS = 4
# More than the steps of a run: random streams are numbered by the step, those of each seed apart.
STREAMS_PER_SEED = 1_000_003


def new_vision_tower(settings: PretrainConfig, directory: Path) -> "CLIPVisionModel":
    """Return an untrained vision tower, and save its image processor to a directory."""
    from transformers import CLIPVisionConfig, CLIPVisionModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    size = settings.image_size
    tower = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=settings.hidden_size,
            intermediate_size=2 * settings.hidden_size,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=settings.hidden_size // 32,
            image_size=size,
            patch_size=settings.patch_size,
        )
    )
    init_wide(tower)
    CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    ).save_pretrained(directory)
    return tower


class VisionTowerTraining:
    """Trains a vision tower in place."""

    def __init__(
        self,
        tower: "CLIPVisionModel",
        instances: Sequence[Instance],
        load_pixels: LoadPixels,
        settings: PretrainConfig,
        seed: int,
    ) -> None:
        self.tower, self.load_pixels, self.settings = tower, load_pixels, settings
        self.questions = QuestionSampler(instances, seed)
        self.predictor = AnswerWordPredictor(tower, self.questions, settings.hidden_size)

    def loss(self, batch: "QuestionBatch") -> Tensor:
        """Return the loss of a batch."""
        return self.predictor.loss(self.load_pixels(batch.image_ids), batch)

    def probe(self) -> Callable[[], None]:
        """Return a forward and backward pass that changes nothing, for timing."""
        (batch,) = self.questions.batches(1, self.settings.batch_size)

        def run_pass() -> None:
            self.loss(batch).backward()
            self.predictor.zero_grad(set_to_none=True)

        return run_pass

    def run(self, metrics: Path) -> None:
        """Train for the configured number of steps."""
        steps, size = self.settings.vision_steps, self.settings.batch_size
        losses = (partial(self.loss, batch) for batch in self.questions.batches(steps, size))
        optimizers = build_optimizers(self.predictor, self.settings.vision_learning_rate)
        self.tower.train()
        fit("vision_tower", losses, optimizers, steps, metrics)
        self.tower.eval()


class QuestionBatch(NamedTuple):
    """Some images, all questions about them, and the words of the answers."""

    image_ids: list[str]
    images_q: Tensor  # index of the question's image in `image_ids`
    task_ids_q: Tensor
    word_ids: Tensor  # of all questions, concatenated
    offsets_q: Tensor  # where the word ids of each question begin
    answers_qw: Tensor  # 1 for the words of the answer


class QuestionSampler:
    """The questions about each image, as ids of tasks and words."""

    def __init__(self, instances: Sequence[Instance], seed: int) -> None:
        self.seed = seed
        self.by_image = defaultdict[str, list[Instance]](list)
        for instance in instances:
            self.by_image[instance.images[0]].append(instance)
        self.task_ids = index_names(instance.task for instance in instances)
        self.word_ids = index_frequent_words(i.text for i in instances)
        self.answer_word_ids = index_frequent_words(i.target or i.answer for i in instances)

    def batches(self, steps: int, size: int) -> Iterator[QuestionBatch]:
        """Yield batches of images; all images are used once before any is used again."""
        names = sorted(self.by_image)
        size, queue = min(size, len(names)), list[str]()
        for step in range(steps):
            if len(queue) < size:
                stream = (self.seed * STREAMS_PER_SEED + step) % 2**32
                order = np.random.RandomState(stream).permutation(len(names))
                queue = [names[index] for index in order]
            yield self.batch(queue[:size])
            queue = queue[size:]

    def batch(self, image_ids: list[str]) -> QuestionBatch:
        """Return the questions about some images as tensors."""
        pairs = [
            (index, instance)
            for index, image_id in enumerate(image_ids)
            for instance in self.by_image[image_id]
        ]
        word_ids = [ids_of_words(self.word_ids, instance.text) for _, instance in pairs]
        answers_qw = torch.zeros(len(pairs), len(self.answer_word_ids))
        for row, (_, instance) in enumerate(pairs):
            answer = instance.target or instance.answer
            answers_qw[row, ids_of_words(self.answer_word_ids, answer)] = 1
        offsets = np.cumsum([0, *map(len, word_ids)][:-1])
        return QuestionBatch(
            image_ids,
            torch.tensor([index for index, _ in pairs]),
            torch.tensor([self.task_ids[instance.task] for _, instance in pairs]),
            torch.tensor([word_id for ids in word_ids for word_id in ids], dtype=torch.long),
            torch.as_tensor(offsets, dtype=torch.long),
            answers_qw,
        )


class AnswerWordPredictor(nn.Module):
    """The vision tower with a head that attends from the question to the patches."""

    def __init__(
        self, tower: "CLIPVisionModel", questions: QuestionSampler, hidden_size: int
    ) -> None:
        super().__init__()
        self.tower = tower
        num_answer_words = len(questions.answer_word_ids)
        self.head = nn.ModuleDict(
            {
                "task": nn.Embedding(len(questions.task_ids), hidden_size),
                "words": nn.EmbeddingBag(max(1, len(questions.word_ids)), hidden_size, mode="sum"),
                "norm": nn.LayerNorm(hidden_size),
                "mix": two_layers(hidden_size, hidden_size, hidden_size),
                "attention": nn.MultiheadAttention(hidden_size, NUM_HEADS, batch_first=True),
                "answer": two_layers(2 * hidden_size, 2 * hidden_size, num_answer_words),
            }
        )
        init_wide(self.head)

    def loss(self, pixel_values: Tensor, batch: QuestionBatch) -> Tensor:
        """Return the binary cross-entropy, summed over words and averaged over questions."""
        hidden_ind = self.tower(pixel_values=pixel_values).last_hidden_state
        patches_ind = self.head["norm"](hidden_ind[:, 1:])
        patches_qnd = patches_ind[batch.images_q]
        words_qd = self.head["words"](batch.word_ids, batch.offsets_q)
        question_qd = self.head["task"](batch.task_ids_q) + words_qd
        question_qd = question_qd + self.head["mix"](question_qd)
        attended_qd = self.head["attention"](
            question_qd[:, None], patches_qnd, patches_qnd, need_weights=False
        )[0][:, 0]
        logits_qw = self.head["answer"](torch.cat([attended_qd, question_qd], dim=1))
        total = functional.binary_cross_entropy_with_logits(
            logits_qw, batch.answers_qw, reduction="sum"
        )
        return total / len(batch.task_ids_q)


def two_layers(in_size: int, hidden_size: int, out_size: int) -> nn.Sequential:
    """Return two linear layers with GELU between them."""
    return nn.Sequential(
        nn.Linear(in_size, hidden_size), nn.GELU(), nn.Linear(hidden_size, out_size)
    )


def build_optimizers(
    predictor: AnswerWordPredictor, learning_rate: float
) -> list[torch.optim.Optimizer]:
    """Return Muon for the tower's matrices, as it needs fewer steps, and AdamW for the rest."""
    matrices = [
        weight
        for name, weight in predictor.tower.named_parameters()
        if weight.ndim == 2 and "embed" not in name
    ]
    ids = set(map(id, matrices))
    rest = [weight for weight in predictor.parameters() if id(weight) not in ids]
    return [
        Float32Muon(matrices, lr=5 * learning_rate, weight_decay=0.05, momentum=0.95),
        torch.optim.AdamW(rest, lr=learning_rate, weight_decay=0.05, betas=(0.9, 0.98)),
    ]


def index_names(names: Iterable[str]) -> dict[str, int]:
    """Return an index for each unique name, in alphabetical order."""
    return {name: index for index, name in enumerate(sorted(set(names)))}


def index_frequent_words(texts: Iterable[str]) -> dict[str, int]:
    """Return an index for each of the MAX_WORDS words that occur in the most texts."""
    counts = Counter(word for text in texts for word in set(split_words(text)))
    by_frequency = sorted(counts, key=lambda word: (-counts[word], stable_hash(word)))
    return index_names(by_frequency[:MAX_WORDS])


def ids_of_words(word_ids: dict[str, int], text: str) -> list[int]:
    """Return the ids of a text's words, each once; words without an id are skipped."""
    return [word_ids[word] for word in dict.fromkeys(split_words(text)) if word in word_ids]


def split_words(text: str) -> list[str]:
    """Split a lowercased text into words and punctuation marks."""
    return re.findall(r"\w+|[^\w\s]", text.lower())
