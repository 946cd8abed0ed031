"""Train a tokenizer on the words of a build."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from visionflan.dataset import IMAGE_MARKER
from visionflan.model.chat_templates import load_template
from visionflan.storage.instance import Instance

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# An option with its letter is a piece of its own: a small model then finds the option that it sees
# among those that are offered by comparing single tokens, and answers with that token. With letter
# and words apart it must look up which letter stands before the words, which it does not learn in
# the minutes that it has.
PIECES = r" \([a-z]\) [^\n]+?(?= \([a-z]\) |\n| A:|$)| ?\w+|\n+|[^\w\s]|\s+"


def train_tokenizer(instances: Iterable[Instance], size: int) -> "PreTrainedTokenizerFast":
    """Train byte-level BPE on the words of the instances; every instruction becomes one token."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    known = list(instances)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", IMAGE_MARKER]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(words(known), trainer)
    instructions = sorted({instance.instruction for instance in known} - {""})
    raw.add_tokens([AddedToken(text, normalized=False) for text in instructions])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=[IMAGE_MARKER],
        chat_template=load_template("plain"),
        clean_up_tokenization_spaces=False,
    )


def words(instances: Iterable[Instance]) -> Iterator[str]:
    """Give the words of the conversations as the chat template sets them, without instructions."""
    for instance in instances:
        for turn in instance.turns:
            text = turn.text.replace(IMAGE_MARKER, "").replace(instance.instruction, "")
            yield f"Q: {text} A:" if turn.role == "user" else f" {text}"
