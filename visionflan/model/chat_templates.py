"""Chat templates: they render a conversation as text and mark the answers to train on.

Both take the content of a turn as a list of parts, with each image at the position of its part, and
write a newline between an image and its neighbor unless there is white space already. So standard
messages, which have no such newline, are rendered as LLaVA-1.5's prompts, whose question follows
the image on a line of its own.
"""

from pathlib import Path

from visionflan.errors import TrainingError

PARTS = """\
{%- macro parts(message) -%}
{%- set blanks = [' ', '\\n', '\\t'] -%}
{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}
{%- if not loop.first and (loop.previtem['type'] == 'image' or \
loop.previtem['text'][-1:] not in blanks) -%}{{ '\\n' }}{%- endif -%}
{{ '<image>' }}
{%- else -%}
{%- if not loop.first and loop.previtem['type'] == 'image' and \
part['text'][:1] not in blanks -%}{{ '\\n' }}{%- endif -%}
{{ part['text'] }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
"""

# The text and separators of Vicuna v1.1, which Vicuna v1.5 and LLaVA-1.5 are trained with.
VICUNA = (
    PARTS
    + """\
{{- bos_token -}}
{%- if messages[0]['role'] == 'system' -%}{{ parts(messages[0]) + ' ' }}{%- else -%}
{{ "A chat between a curious user and an artificial intelligence assistant. The assistant gives \
helpful, detailed, and polite answers to the user's questions. " }}
{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{{ 'USER: ' + parts(message) }}
{%- elif message['role'] == 'assistant' -%}{{ ' ASSISTANT:' }}
{%- generation -%}{{ ' ' + parts(message) + eos_token }}{%- endgeneration -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ ' ASSISTANT:' }}{%- endif -%}
"""
)

# For models trained here from scratch, which need no system prompt.
PLAIN = (
    PARTS
    + """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ parts(message) + ' ' }}
{%- elif message['role'] == 'user' -%}{{ 'Q: ' + parts(message) }}
{%- elif message['role'] == 'assistant' -%}{{ ' A:' }}
{%- generation -%}{{ ' ' + parts(message) + eos_token }}{%- endgeneration -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ ' A:' }}{%- endif -%}
"""
)

# LLaVA aligns its connector with the images of a prompt, then the caption on a line of its own, and
# no end token (`preprocess_plain` in `llava/train/train.py`).
CAPTION = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{%- for part in message['content'] if part['type'] == 'image' -%}{{ '<image>' }}{%- endfor -%}
{%- elif message['role'] == 'assistant' -%}
{%- generation -%}{{ message['content'][0]['text'] + '\\n' }}{%- endgeneration -%}
{%- endif -%}
{%- endfor -%}
"""
BY_NAME = {"vicuna": VICUNA, "plain": PLAIN, "caption": CAPTION}

SET_ANOTHER = (
    "set another by init.chat_template in a recipe (vicuna, plain, or a Jinja file), or as "
    "chat_template.jinja in the checkpoint"
)


def load_template(name: str) -> str:
    """Return the built-in template of this name, or read the Jinja file at this path."""
    if name in BY_NAME:
        return BY_NAME[name]
    if not Path(name).is_file():
        raise TrainingError(
            f"the chat template {name!r} is neither a file nor one of {', '.join(BY_NAME)}"
        )
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TrainingError(f"the chat template {name!r} is not a text file in UTF-8") from error


def select_template(default: str | None, name: str) -> str:
    """Return the named template, else the one that came with the weights, else Vicuna's."""
    if name:
        return load_template(name)
    return default or VICUNA


def content_error(error: Exception) -> TrainingError:
    """Return the error for a template that cannot render a list of images and texts."""
    line = getattr(error, "lineno", None)  # of a syntax error
    if line is not None:
        return TrainingError(
            f"line {line} of the chat template is no Jinja ({error}): {SET_ANOTHER}"
        )
    return TrainingError(
        "the chat template takes the content of a turn as text only, not as a list of "
        f"images and texts ({error}): {SET_ANOTHER}"
    )
