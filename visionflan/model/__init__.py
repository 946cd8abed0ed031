"""Vision-language models: families, chat templates, the forward pass, generation, log-likelihoods.

`families` loads a model of any family; nothing outside a family's own file depends on its class.
"""
