"""Chat tokenizers of tiny models, and texts for them."""

from hypothesis import strategies as st

from visionflan.model.chat_tokenizer import ChatTokenizer

KINDS = ("llama", "qwen2")
texts = st.lists(
    st.text("abcdefg red blue ,.?!:()\n", min_size=1, max_size=12).filter(str.strip),
    min_size=1,
    max_size=3,
)


def with_template(tokenizer: ChatTokenizer, template: str) -> ChatTokenizer:
    original = tokenizer.processor.chat_template
    tokenizer.processor.chat_template = template
    try:
        return ChatTokenizer(tokenizer.processor, tokenizer.images)
    finally:
        tokenizer.processor.chat_template = original
