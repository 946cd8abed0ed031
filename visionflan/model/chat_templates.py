"""Chat templates: how a conversation becomes one text, with the answers to be learnt marked.

Both take the content of a turn as a list of parts, and place each image where its part stands.
"""

from pathlib import Path

from visionflan.errors import TrainingError

PARTS = """\
{%- macro parts(message) -%}
{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<image>' }}{%- else -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
"""

# The words and separators of Vicuna v1.1, which Vicuna v1.5 and LLaVA-1.5 are trained with.
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

# For models trained here from nothing, which have no words of a system prompt to remember.
PLAIN = (
    PARTS
    + """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{{ 'Q: ' + parts(message) }}
{%- elif message['role'] == 'assistant' -%}{{ ' A:' }}
{%- generation -%}{{ ' ' + parts(message) + eos_token }}{%- endgeneration -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ ' A:' }}{%- endif -%}
"""
)

NAMED = {"vicuna": VICUNA, "plain": PLAIN}


def template(told: str) -> str:
    """Give one of our templates by its name, or read one from a Jinja file."""
    if told in NAMED:
        return NAMED[told]
    if not Path(told).is_file():
        raise TrainingError(
            f"the chat template {told!r} is neither a file nor one of {', '.join(NAMED)}."
        )
    return Path(told).read_text()
