"""The chat templates that were published with models of the LLaVA families, word for word."""

IMAGES = "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
TEXTS = "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"

# llava-hf: llava-1.5-7b-hf, llava-1.5-13b-hf, llava-v1.6-vicuna-7b-hf, llava-v1.6-vicuna-13b-hf
VICUNA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "{{ message['role'].upper() + ': '}}{% endif %}{# Render all images first #}"
    + IMAGES
    + "{{ '<image>\n' }}{% endfor %}{# Render all text next #}"
    "{% if message['role'] != 'assistant' %}"
    + TEXTS
    + "{{ content['text'] + ' '}}{% endfor %}{% else %}"
    + TEXTS
    + "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
# llava-hf/llava-v1.6-mistral-7b-hf
MISTRAL = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ '<<SYS>>\n' + message['content'][0]['text'] + '\n<</SYS>>\n\n' }}"
    "{% elif message['role'] == 'user' %}{{ '[INST] ' }}{# Render all images first #}"
    + IMAGES
    + "{{ '<image>\n' }}{% endfor %}{# Render all text next #}"
    + TEXTS
    + "{{ content['text'] }}{% endfor %}{{' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'][0]['text'] + '</s> '}}{% else %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
# The same as it was first published: no model has a token of this text.
FIRST_MISTRAL = MISTRAL.replace("</s>", "<\\\\s>")
# llava-hf/llama3-llava-next-8b-hf
LLAMA3 = (
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'}}"
    "{# Render all images first #}"
    + IMAGES
    + "{{ '<image>' }}{% endfor %}{# Render all text next #}"
    + TEXTS
    + "{{ '\n' + content['text'] + '<|eot_id|>' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
# llava-hf: llava-onevision-qwen2-0.5b-ov-hf, -7b-ov-hf and -72b-ov-hf
ONEVISION = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + ' '}}"
    "{# Render all images first #}"
    + IMAGES
    + "{{ '<image>' }}{% endfor %}{# Render all video then #}"
    + IMAGES.replace("'image'", "'video'")
    + "{{ '<video>' }}{% endfor %}{# Render all text next #}"
    "{% if message['role'] != 'assistant' %}"
    + TEXTS
    + "{{ '\n' + content['text'] }}{% endfor %}{% else %}"
    + TEXTS
    + "{% generation %}{{ '\n' + content['text'] }}{% endgeneration %}{% endfor %}{% endif %}"
    "{{'<|im_end|>'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
