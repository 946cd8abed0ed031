"""Train a tokenizer on the texts of a build."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from visionflan.dataset import IMAGE_MARKER
from visionflan.model.chat_templates import load_template
from visionflan.storage.instance import Instance

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# An option is one piece together with its letter. A small model can then choose an option by
# comparing single tokens, and answers with that token. With separate pieces it would have to look
# up the letter that precedes an option, which it does not learn within a few minutes of training.
PIECES = r" \([a-z]\) [^\n]+?(?= \([a-z]\) |\n| A:|$)| ?\w+|\n+|[^\w\s]|\s+"


def train_tokenizer(instances: Iterable[Instance], vocab_size: int) -> "PreTrainedTokenizerFast":
    """Train byte-level BPE on the texts of the instances; every instruction is a single token."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    instances = list(instances)
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", IMAGE_MARKER]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts_without_instructions(instances), trainer)
    instructions = sorted({instance.instruction for instance in instances} - {""})
    core.add_tokens([AddedToken(text, normalized=False) for text in instructions])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=[IMAGE_MARKER],
        chat_template=load_template("plain"),
        clean_up_tokenization_spaces=False,
    )


# As the chat template `plain` writes a turn of each role.
PLAIN_FORMS = {"system": "{} ", "user": "Q: {} A:", "assistant": " {}"}


def texts_without_instructions(instances: Iterable[Instance]) -> Iterator[str]:
    """Yield the turns as the chat template formats them, without markers and instructions."""
    for instance in instances:
        for turn in instance.turns:
            text = turn.text.replace(IMAGE_MARKER, "").replace(instance.instruction, "")
            yield PLAIN_FORMS[turn.role].format(text)
